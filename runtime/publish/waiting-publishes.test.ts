/** Publishes that find no room: what may wait and for how long, and what is refused. */
import { inspect } from 'node:util'
import t from 'tap'
import { FullError, UnpublishedError } from '../index.ts'
import { delay, rejection, SMALL, until } from '../proof/fixtures/broker.fixture.ts'
import { newTopic, sharedBroker } from '../proof/fixtures/shared-broker.fixture.ts'
import { within } from '../proof/stress/within.fixture.ts'
import { aloneTopics, fillUp, hold } from './full-topic.fixture.ts'

const aloneTopic = aloneTopics(t)

t.test('publishes beyond what may wait are refused, with their message', async t => {
  const topic = await aloneTopic<string>(SMALL)
  const run = await hold(t, topic)
  const filled = await fillUp(topic)
  const outcomes: Promise<unknown>[] = []
  const messages = Array.from({ length: 10_050 }, (_, n) => ({ partition: 0, value: `w${n}` }))
  for (const message of messages)
    outcomes.push(
      topic.publish(message).then(
        () => 'ok',
        error => error,
      ),
    )
  const refusals = (await Promise.all(outcomes.slice(10_000))) as FullError[]
  for (const [index, error] of refusals.entries()) {
    if (
      !(error instanceof FullError) ||
      error.refused !== messages[10_000 + index] ||
      error.code !== 'MILL_FULL' ||
      !error.retriable
    )
      t.fail('a refusal is wrong')
  }
  t.match(refusals[0]?.message, /10,000 publishes/)
  await run.resume()
  t.ok((await Promise.all(outcomes.slice(0, 10_000))).every(outcome => outcome === 'ok'))
  await run.idle()
  t.equal((await run.stats()).processed, filled + 10_000)
})

t.test('publishes beyond 16 MiB of waiting bytes are refused', async t => {
  const topic = await aloneTopic<string>({
    windowBytes: 262_144,
    maxMessageBytes: 100_000,
    codec: 'string',
  })
  const run = await hold(t, topic)
  const outcomes = Array.from({ length: 300 }, () =>
    topic.publish({ value: 'x'.repeat(90_000) }).then(
      () => 'ok',
      (error: unknown) => error,
    ),
  )
  const full = await within(3_000, 'refusing', Promise.all(outcomes.slice(200)))
  t.ok(
    full.every(error => error instanceof FullError && typeof (error.refused as { value: string }).value === 'string'),
  )
  await run.resume()
  const settled = await Promise.all(outcomes)
  const appended = settled.filter(outcome => outcome === 'ok').length
  t.ok(appended >= 180 && appended < 200, `${appended} were appended`)
  await run.idle()
  t.equal((await run.stats()).processed, appended)
})

t.test("a topic whose onFull is 'reject' refuses at once and hands the message back", async t => {
  const topic = await newTopic<string>({ ...SMALL, onFull: 'reject' })
  const run = await hold(t, topic)
  const message = { partition: 0, value: 'v'.repeat(1_000) }
  let filled = 0
  let error: unknown
  while (error === undefined) {
    error = await topic.publish(message).then(
      () => {
        filled++
      },
      (refusal: unknown) => refusal,
    )
  }
  t.ok(error instanceof FullError)
  t.equal((error as FullError).refused, message)
  const batch = [message, { value: 'second'.repeat(200) }]
  const failed = await rejection(topic.publishBatch(batch))
  t.ok(failed instanceof UnpublishedError)
  t.strictSame((failed as UnpublishedError).unpublished, batch)
  t.ok(failed.cause instanceof FullError)
  await run.resume()
  await run.idle()
  t.equal((await run.stats()).processed, filled)
  t.equal((await topic.publish(message)).offset, filled)
})

t.test('what a full partition refused of tryPublish is an event, and rejects the next flush', async t => {
  const topic = await newTopic<string>({ ...SMALL, onFull: 'reject' })
  const run = await hold(t, topic)
  const told: number[] = []
  const stop = (await sharedBroker()).on('publishFailed', ({ topic: name, count, error }) => {
    if (name !== topic.name) return
    t.match(error, { code: 'MILL_FULL' })
    told.push(count)
  })
  t.teardown(stop)
  let taken = 0
  while (told.length === 0 && taken < 10_000) {
    if (topic.tryPublish({ partition: 0, value: 'v'.repeat(1_000) })) taken++
    await new Promise(setImmediate)
  }
  t.match(await rejection(topic.flush()), { code: 'MILL_FULL' })
  await topic.flush()
  await run.resume()
  await run.idle()
  t.equal((await run.stats()).processed, taken - told.reduce((sum, count) => sum + count, 0))
})

t.test('a publish that waited for too long names what holds it', async t => {
  const topic = await aloneTopic<string>(SMALL)
  const run = await hold(t, topic)
  await fillUp(topic)
  const waiting = await rejection(topic.publish({ value: 'v'.repeat(1_000) }, { timeoutMs: 60 }))
  t.match(waiting, { code: 'MILL_TIMEOUT', retriable: true })
  t.match(waiting.message, /group holder \(running.*\), which is \d+ records and \d+ bytes behind/)
  const batch = [{ value: 'a'.repeat(1_000) }, { value: 'b'.repeat(1_000) }]
  const failed = await rejection(topic.publishBatch(batch, { timeoutMs: 60 }))
  t.match(failed, { code: 'MILL_UNPUBLISHED', unpublished: batch, cause: { code: 'MILL_TIMEOUT' } })
  t.match(failed.message, /group holder/)
  t.notMatch(inspect(failed), 'aaaa', 'a logged error is not a dump of the batch')
  await run.stop()
  const stopped = await rejection(topic.publish({ value: 'v'.repeat(1_000) }, { timeoutMs: 60 }))
  t.match(stopped.message, /group holder \(not running\)/)
})

t.test('a publish that waits in the ring names what holds it, too', async t => {
  const topic = await newTopic<string>(SMALL)
  await hold(t, topic)
  const outcomes = Array.from({ length: 120 }, () =>
    topic.publish({ value: 'v'.repeat(1_000) }, { timeoutMs: 80 }).then(
      () => null,
      (error: Error) => error,
    ),
  )
  const errors = (await Promise.all(outcomes)).filter(error => error !== null)
  t.ok(errors.length > 10)
  t.ok(errors.every(error => /group holder/.test(error.message)))
  t.match(errors[0]?.message, /may still be appended/)
})

t.test('an AbortSignal refuses before, and gives up while waiting; the rest goes on', async t => {
  const topic = await aloneTopic<string>(SMALL)
  const run = await hold(t, topic)
  const before = await rejection(topic.publish({ value: 'a' }, { signal: AbortSignal.abort(new Error('why')) }))
  t.match(before, { code: 'MILL_ABORTED', cause: { message: 'why' } })
  t.match(await rejection(topic.publishBatch([{ value: 'a' }], { signal: AbortSignal.abort() })), {
    code: 'MILL_ABORTED',
  })
  const filled = await fillUp(topic)
  const control = new AbortController()
  const aborted = rejection(topic.publish({ value: 'gone'.repeat(250) }, { signal: control.signal }))
  const batch = rejection(topic.publishBatch([{ value: 'gone too'.repeat(250) }], { signal: control.signal }))
  const kept = topic.publish({ value: 'kept'.repeat(250) })
  await delay(10)
  control.abort(new Error('enough'))
  t.match(await aborted, { code: 'MILL_ABORTED', cause: { message: 'enough' } })
  t.match(await batch, {
    code: 'MILL_UNPUBLISHED',
    cause: { code: 'MILL_ABORTED' },
    unpublished: [{ value: 'gone too'.repeat(250) }],
  })
  await run.resume()
  t.equal((await kept).offset, filled)
  t.ok(topic.tryPublish({ value: 'last' }))
  await topic.flush()
  await run.idle()
  t.equal((await run.stats()).processed, filled + 2)
})

t.test('a full partition takes again by tryPublish after a waiting publish was aborted', async t => {
  const topic = await aloneTopic<string>(SMALL)
  const run = await hold(t, topic)
  await fillUp(topic)
  const control = new AbortController()
  const aborted = rejection(topic.publish({ value: 'x'.repeat(900) }, { signal: control.signal }))
  control.abort()
  await aborted
  await run.resume()
  await until(() => topic.tryPublish({ value: 'again' }), 'tryPublish')
})
