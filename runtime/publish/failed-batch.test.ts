/** What a batch that failed says of each of its messages, and what became of them. */
import t from 'tap'
import type { UnpublishedError } from '../index.ts'
import { delay, rejection, SMALL } from '../proof/fixtures/broker.fixture.ts'
import { newTopic } from '../proof/fixtures/shared-broker.fixture.ts'
import { fillUp, hold } from './full-topic.fixture.ts'

/** Null, or why it was rejected. */
function settledOf(promise: Promise<unknown>): Promise<Error | null> {
  return promise.then(
    () => null,
    (error: Error) => error,
  )
}

for (const onFull of ['wait', 'reject'] as const) {
  t.test(
    `each message of a batch that failed is appended, unpublished or unknown, where a full topic says ${onFull}`,
    async t => {
      const topic = await newTopic<string>({ ...SMALL, partitions: 3, onFull })
      const seen: unknown[] = []
      const run = await hold(t, topic, seen)
      if (onFull === 'wait') await fillUp(topic)
      else while ((await settledOf(topic.publish({ partition: 0, value: 'f'.repeat(1_000) }))) === null);
      const failed: { readonly batch: readonly { readonly value: string }[]; readonly error: UnpublishedError }[] = []
      for (const waitMs of [0, 5, 30]) {
        const batch = Array.from({ length: 90 }, (_, n) => ({
          partition: (n + 1) % 3,
          value: `${waitMs} ms, ${n} `.padEnd(300, '.'),
        }))
        const control = new AbortController()
        const failing = rejection(topic.publishBatch(batch, { signal: control.signal }))
        if (waitMs > 0) await delay(waitMs)
        control.abort()
        const error = (await failing) as unknown as UnpublishedError
        t.match(error, { code: 'MILL_UNPUBLISHED' })
        failed.push({ batch, error })
      }
      await run.resume()
      await topic.flush().catch(() => undefined)
      await run.idle()
      const count = new Map<unknown, number>()
      for (const value of seen) count.set(value, (count.get(value) ?? 0) + 1)
      for (const { batch, error } of failed) {
        const { unpublished, unknown } = error
        for (const list of [unpublished, unknown])
          t.strictSame(
            list,
            batch.filter(message => list.includes(message)),
            'in order',
          )
        t.ok(unpublished.length + unknown.length > 0)
        t.notOk(unpublished.some(message => unknown.includes(message)))
        for (const message of batch) {
          const times = count.get(message.value) ?? 0
          if (unpublished.includes(message)) t.equal(times, 0, 'what is unpublished is not there')
          else if (unknown.includes(message)) t.ok(times <= 1)
          else t.equal(times, 1, 'what is in neither list is there')
        }
      }
      t.ok(failed.some(({ error }) => error.unknown.length > 0))
    },
  )
}
