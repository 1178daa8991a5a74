/**
 * What an application does whose group retention was faster than: it goes on at the earliest record there is.
 *
 * The simulated main thread, through the public API only.
 */
import type { Group } from '../../words/group.ts'
import type { Topic } from '../../words/topic.ts'
import type { Lab, Value } from './lab.ts'

/** Moves a group that nobody runs in those partitions that begin behind where it is. */
export async function catchUp(lab: Lab, topic: Topic<Value>, group: Group<Value>): Promise<void> {
  const { partitions } = await group.stats()
  for (const { partition, logStartOffset } of (await topic.stats()).partitions) {
    const committed = partitions.find(each => each.partition === partition)?.committed ?? 0
    if (committed >= logStartOffset) continue
    lab.record({ kind: 'logStart', topic: topic.name, partition, offset: logStartOffset })
    lab.record({ kind: 'sought', group: group.name, topic: topic.name, partition })
    await group.seek('earliest', { partition })
  }
}
