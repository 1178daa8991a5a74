/** What handlers with snapshots know of a partition: each record once, in one line with what is committed. Pure. */
import type { Counted, EventOf } from './events.ts'
import type { Indexed } from './indexed.ts'
import { numberOf } from './jobs.ts'

export function judgeStates(history: Indexed): string[] {
  return [...history.groups.values()]
    .filter(({ style }) => style === 'snapshot')
    .flatMap(group => judgeGroup(history, group))
}

function judgeGroup(history: Indexed, { group, topic }: EventOf<'group'>): string[] {
  const found: string[] = []
  const from: number[] = []
  const dirty = new Set<string>()
  /** What a member began a partition with, until it is handed its first record. */
  const begun = new Map<string, number>()
  /** What is known last. */
  const ended = new Map<number, Counted>()
  const expected = (partition: number, start: number, end: number): { n: number; sum: number } => {
    const records = history.log(topic, partition).slice(Math.max(start, 0), end)
    const good = records.filter(({ id }) => !history.isBad(id, 'snapshot'))
    return { n: good.length, sum: good.reduce((sum, { id }) => sum + numberOf(id), 0) }
  }
  for (const event of history.events) {
    if (!('group' in event) || event.group !== group) continue
    if (event.e === 'sought') {
      for (const partition of event.moved) {
        from[partition] = event.committed[partition] as number
        ended.delete(partition)
      }
    } else if (event.e === 'stopped' && !event.clean) dirty.add(event.member)
    else if (event.e === 'state') {
      const { at, member, partition, n, sum, next } = event
      if (dirty.has(member.split('@')[0] as string)) continue
      const start = from[partition] ?? 0
      const right = expected(partition, start, next)
      if (n !== right.n || sum !== right.sum)
        found.push(
          `${group}: ${member} ${at} partition ${partition} with ${n} records up to ${next}, and there are ${right.n}`,
        )
      if (at === 'ended') ended.set(partition, event)
      else begun.set(`${member} ${partition}`, Math.max(next, start))
    } else if (event.e === 'hand') {
      const { member, partition, offset } = event
      const next = begun.get(`${member} ${partition}`)
      if (next === undefined) continue
      begun.delete(`${member} ${partition}`)
      const { n } = expected(partition, next, offset)
      if (n > 0 || offset < next)
        found.push(`${group}: ${member} has a state up to ${partition}/${next}, and goes on at ${offset}`)
    } else if (event.e === 'drained') {
      for (const [partition, { n, next }] of ended) {
        const right = expected(partition, from[partition] ?? 0, Number.MAX_SAFE_INTEGER)
        if (n !== right.n)
          found.push(`${group}: the state of partition ${partition} has ${n} records up to ${next}, of ${right.n}`)
      }
    }
  }
  return found
}
