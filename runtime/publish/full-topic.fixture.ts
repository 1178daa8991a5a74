/** Topics that are full: a group that holds them, and ways to fill them. */
import type { Test } from 'tap'
import type { Broker, Run, Topic, TopicOptions } from '../index.ts'
import { delay, openBroker } from '../proof/fixtures/broker.fixture.ts'
import { newName } from '../proof/fixtures/shared-broker.fixture.ts'

/** A group that holds everything until the test is over: joined, and paused before the first record. */
export async function hold(t: Test, topic: Topic<never> | Topic, seen: unknown[] = []): Promise<Run> {
  const run = await (topic as Topic).group('holder').handle(({ value }) => void seen.push(value))
  await run.pause()
  // What waits for it would else wait until the broker is closed, and the waiting room is for all topics.
  t.teardown(async () => {
    await run.stop()
    await topic.group('holder').delete()
    await topic.flush().catch(() => undefined)
  })
  return run
}

/** Publishes without awaiting until the partition takes no more; returns how many went in. */
export function fill(topic: Topic<string>, bytes = 1_000): number {
  let count = 0
  while (topic.tryPublish({ partition: 0, value: 'f'.repeat(bytes) })) count++
  return count
}

/** As `fill`, until neither ring nor window takes any more. That its ring is full says nothing while its host has no turn. */
export async function fillUp(topic: Topic<string>, bytes = 1_000): Promise<number> {
  let count = 0
  for (let quiet = 0; quiet < 5; ) {
    const more = fill(topic, bytes)
    count += more
    quiet = more === 0 ? quiet + 1 : 0
    // Its host has answered: by now it has had a turn.
    await topic.stats()
    await delay(5)
  }
  return count
}

/** Topics of a broker of one file: what may wait is bounded for all topics of a broker, and no other file has anything there. */
export function aloneTopics(t: Test): <V>(options: TopicOptions) => Promise<Topic<V>> {
  let opening: Promise<Broker> | undefined
  return async <V>(options: TopicOptions): Promise<Topic<V>> => {
    opening ??= openBroker(t)
    return (await opening).topic<V>(newName(), options)
  }
}
