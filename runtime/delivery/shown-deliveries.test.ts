/** What people see of a delivery that they print. */
import { inspect } from 'node:util'
import t from 'tap'
import { RejectError } from '../index.ts'
import { readAll } from '../proof/fixtures/broker.fixture.ts'
import { newName, newTopic, sharedBroker } from '../proof/fixtures/shared-broker.fixture.ts'

t.test('console.log and JSON.stringify show the fields of a record', async t => {
  const topic = await newTopic<unknown>()
  await topic.publish({ key: 'k', value: { amount: 7 }, headers: { source: 'web' } })
  const [delivery] = await readAll(topic)
  const { timestamp, ...rest } = JSON.parse(JSON.stringify(delivery))
  t.type(timestamp, 'number')
  t.strictSame(rest, {
    topic: topic.name,
    partition: 0,
    offset: 0,
    key: 'k',
    value: { amount: 7 },
    headers: { source: 'web' },
    deliveryAttempt: 1,
    failedAttempts: 0,
  })
  t.match(inspect(delivery), /offset: 0,.*key: 'k',.*amount: 7.*source: .web./s)
})

t.test('one that does not decode is shown as well, by its bytes', async t => {
  const [raw, letters] = [await newTopic<string>({ codec: 'string' }), await newTopic({ codec: 'json' })]
  await raw.publish({ value: '{odd' })
  const rejecting = (): never => {
    throw new RejectError('on')
  }
  await (await raw.group('g').handle(rejecting, { deadLetter: letters.name })).idle()
  const [delivery] = await readAll(letters)
  t.strictSame(Object.values(JSON.parse(JSON.stringify(delivery)).valueBytes), [...Buffer.from('{odd')])
  t.match(inspect(delivery), /offset: 0,.*valueBytes: Uint8Array\(4\)/s)
})

t.test('and of a message of a queue, with its name and its queue', async t => {
  const queue = await (await sharedBroker()).queue<number>(newName(), { dedupeMs: 60_000 })
  await queue.send({ key: 'k', value: 7, id: 'first' })
  for await (const delivery of queue.consume({ until: 'caught-up' })) {
    const shown = { queue: queue.name, id: 'first', key: 'k', value: 7 }
    t.match(JSON.parse(JSON.stringify(delivery)), shown)
    t.match(inspect(delivery), /id: 'first'/)
  }
})

t.test('what only its reader needs of a delivery is on no prototype of it', async t => {
  const topic = await newTopic<number>()
  await topic.publish({ value: 1 })
  for await (const delivery of topic.group('g').consume()) {
    const names = new Set<string>()
    for (let on: object | null = delivery; on !== null; on = Object.getPrototypeOf(on))
      for (const name of Object.getOwnPropertyNames(on)) names.add(name)
    t.ok(names.has('ack'))
    for (const name of ['entry', 'record']) t.notOk(names.has(name), name)
    break
  }
})
