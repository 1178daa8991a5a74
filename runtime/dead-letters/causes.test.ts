/** What an error was caused by is in its letter, as far as the bounds go. */
import t from 'tap'
import { newTopic, sharedBroker } from '../proof/fixtures/shared-broker.fixture.ts'
import { fromWire, toWire } from '../words/errors.ts'

async function causesOf(thrown: unknown): Promise<readonly unknown[]> {
  const broker = await sharedBroker()
  const topic = await newTopic<number>()
  const run = await topic.group('g').handle(
    () => {
      throw thrown
    },
    { attempts: 1 },
  )
  await topic.publish({ value: 1 })
  await run.idle()
  for await (const { error } of broker.deadLetters(topic).browse()) return error.causes
  return ['no letter']
}

t.test('causes are in a letter, and the errors of an AggregateError', async t => {
  const refused = ['::1', '127.0.0.1'].map(host =>
    Object.assign(new Error(`refused by ${host}`), { code: 'ECONNREFUSED' }),
  )
  const cause = new AggregateError(refused, 'all failed', { cause: 'a word' })
  t.strictSame(await causesOf(new TypeError('fetch failed', { cause })), [
    { level: 1, name: 'AggregateError', message: 'all failed', code: null },
    { level: 2, name: 'Error', message: 'refused by ::1', code: 'ECONNREFUSED' },
    { level: 2, name: 'Error', message: 'refused by 127.0.0.1', code: 'ECONNREFUSED' },
    { level: 2, name: 'Error', message: 'a word', code: null },
  ])
  t.strictSame(await causesOf(new Error('alone')), [])
})

t.test('however many they are, and however long, a letter has room for its record', async t => {
  const many = new AggregateError(
    Array.from({ length: 1_000 }, (_, n) => new Error('ü'.repeat(3_000) + n)),
    'all',
  )
  const causes = await causesOf(many)
  t.ok(causes.length >= 3 && causes.length <= 5, `${causes.length} causes`)
  const cycle = new Error('cycle')
  cycle.cause = new AggregateError([cycle, cycle], 'both')
  t.equal((await causesOf(cycle)).length, 5)
})

t.test('an AggregateError crosses threads as one', async t => {
  const error = fromWire(toWire(new AggregateError([new RangeError('one'), 'no error', new Error('two')], 'both')))
  t.ok(error instanceof AggregateError)
  t.match(error, {
    name: 'AggregateError',
    message: 'both',
    errors: [{ name: 'RangeError', message: 'one' }, { message: 'two' }],
  })
  const { proxy, revoke } = Proxy.revocable([], {})
  revoke()
  t.notOk('errors' in toWire(Object.assign(new Error('odd'), { errors: proxy })))
})
