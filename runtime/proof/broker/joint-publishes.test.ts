/** A publish by an exchange to several targets of one host is in all of them or in none: refusals, waits, deaths, deletions. Real threads. */
import t from 'tap'
import { sessions } from '../../api/broker.ts'
import type { Session } from '../../embedded/session.ts'
import type { Broker, BrokerEvents, Exchange, Queue, QueueOptions } from '../../index.ts'
import { FAULT_POINT, type FaultPoint } from '../../wire/layout.ts'
import { delay, folderOf, openBroker, rejection, until } from '../fixtures/broker.fixture.ts'
import { newName, sharedBroker } from '../fixtures/shared-broker.fixture.ts'
import { within } from '../stress/within.fixture.ts'

const OFTEN = { intensity: 1_000, periodMs: 1_000 }

interface Fan {
  readonly events: Exchange<number>
  readonly queues: readonly Queue<number>[]
  /** What waits in each. */
  values(): Promise<number[][]>
}

async function fanOf(options: readonly QueueOptions[], given?: Broker): Promise<Fan> {
  const broker = given ?? (await sharedBroker())
  const events = await broker.exchange<number>(newName(), { type: 'fanout' })
  const queues: Queue<number>[] = []
  for (const one of options) {
    const queue = await broker.queue<number>(newName(), one)
    await events.bind(queue)
    queues.push(queue)
  }
  return { events, queues, values: () => Promise.all(queues.map(valuesIn)) }
}

async function valuesIn(queue: Queue<number>): Promise<number[]> {
  const values: number[] = []
  for await (const { value } of queue.browse()) values.push(value)
  return values
}

for (const storage of ['memory', 'os'] as const) {
  const open = async (t: Parameters<typeof openBroker>[0]): Promise<Broker> =>
    storage === 'memory' ? sharedBroker() : folderOf(t).open()
  const kept = { durability: storage }

  t.test(
    `${storage}: of two targets that reject one is full: none has the message, and the error names it`,
    async t => {
      const fan = await fanOf(
        [kept, { ...kept, onFull: 'reject' }, { ...kept, maxMessages: 1, onFull: 'reject' }],
        await open(t),
      )
      await fan.queues[2]?.send({ value: 0 })
      const error = await rejection(fan.events.publish('', { value: 1 }))
      t.match(error, { code: 'MILL_FULL', message: fan.queues[2]?.name })
      t.strictSame(await fan.values(), [[], [], [0]])
      await fan.queues[2]?.purge()
      await fan.events.publish('', { value: 2 })
      t.strictSame(await fan.values(), [[2], [2], [2]])
    },
  )

  t.test(`${storage}: a target without room holds the message for all, and what comes behind it`, async t => {
    const fan = await fanOf(
      [
        { ...kept, maxMessages: 2 },
        { ...kept, maxMessages: 1, maxBytes: 4_096 },
      ],
      await open(t),
    )
    await fan.queues[1]?.send({ value: 0 })
    let done = 0
    const held = [1, 2].map(value => fan.events.publish('', { value }).then(() => done++))
    await delay(50)
    t.strictSame([done, await fan.values()], [0, [[], [0]]])
    await fan.queues[1]?.purge()
    await within(
      5_000,
      'the first',
      until(() => done === 1),
    )
    t.strictSame(await fan.values(), [[1], [1]])
    await fan.queues[1]?.purge()
    await within(5_000, 'both', Promise.all(held))
    // What was given back while it was held has taken no room.
    t.strictSame(await fan.values(), [[1, 2], [2]])
  })

  t.test(`${storage}: a time-out or a signal ends what is held, and no target has it`, async t => {
    const fan = await fanOf([kept, { ...kept, maxMessages: 1 }, kept], await open(t))
    await fan.events.publish('', { value: 0 })
    const late = rejection(fan.events.publish('', { value: 1 }, { timeoutMs: 100 }))
    const abort = new AbortController()
    const aborted = rejection(fan.events.publish('', { value: 2 }, { signal: abort.signal }))
    const kept3 = fan.events.publish('', { value: 3 })
    await delay(20)
    abort.abort()
    t.match(await aborted, { code: 'MILL_ABORTED', message: 'none of them has the message' })
    t.match(await late, { code: 'MILL_TIMEOUT', message: 'none of them has the message' })
    t.match(await late, { message: `queue ${fan.queues[1]?.name} has no consumer; 1 messages are ready` })
    await fan.queues[1]?.purge()
    await within(5_000, 'the third', kept3)
    t.strictSame(await fan.values(), [[0, 3], [3], [0, 3]])
  })

  t.test(
    `${storage}: a target is deleted while it holds a message: the publish fails, and no other target has it`,
    async t => {
      const fan = await fanOf([kept, { ...kept, maxMessages: 1 }, kept], await open(t))
      const [first, full, last] = fan.queues as [Queue<number>, Queue<number>, Queue<number>]
      await fan.events.publish('', { value: 0 })
      const held = rejection(fan.events.publish('', { value: 1 }))
      await delay(20)
      await full.delete()
      t.match(await within(5_000, 'the publish', held), { code: 'MILL_TOPIC_DELETED' })
      await within(5_000, 'the next', fan.events.publish('', { value: 2 }))
      t.strictSame(
        [await valuesIn(first), await valuesIn(last)],
        [
          [0, 2],
          [0, 2],
        ],
      )
    },
  )

  t.test(
    `${storage}: a message whose id is known counts as a duplicate once, however long another target holds it`,
    async t => {
      const fan = await fanOf(
        [
          { ...kept, dedupeMs: 60_000 },
          { ...kept, maxMessages: 2 },
        ],
        await open(t),
      )
      const [known, full] = fan.queues as [Queue<number>, Queue<number>]
      await fan.events.publish('', { value: 0, id: 'same' })
      const taken = fan.events.publish('', { value: 0, id: 'same' })
      const held = fan.events.publish('', { value: 0, id: 'same' })
      await within(5_000, 'the second', taken)
      await delay(50)
      t.match(await known.stats(), { duplicates: 1 }, 'the third is not answered')
      await full.purge()
      const { receipts } = await within(5_000, 'the third', held)
      t.match(receipts, [{ duplicate: true }, { duplicate: false }])
      t.match(await known.stats(), { accepted: 1, duplicates: 2 })
    },
  )

  t.test(
    `${storage}: a queue that drops its head for a message writes the letter to a topic that gets it as well`,
    async t => {
      const broker = await open(t)
      const letters = await broker.topic<number>(newName(), { durability: storage })
      const fan = await fanOf([{ ...kept, maxMessages: 2, onFull: 'dropHead', deadLetter: letters.name }, kept], broker)
      await fan.events.bind(letters)
      const sent = Array.from({ length: 5 }, (_, value) => fan.events.publish('', { value }))
      await within(5_000, 'all', Promise.all(sent))
      t.strictSame(await fan.values(), [
        [3, 4],
        [0, 1, 2, 3, 4],
      ])
      t.match(await fan.queues[0]?.stats(), { accepted: 5, ready: 2, deadLettered: 3 })
      t.equal((await letters.stats()).partitions[0]?.highWatermark, 8)
    },
  )

  for (const point of ['beforeCommit', 'betweenWindowAndRing', 'jointCommitted', 'jointAnswered'] as const) {
    t.test(
      `${storage}: the host dies ${point}: what is confirmed is in all targets once, the rest in all or none`,
      async t => {
        const { open: openFolder } = folderOf(t)
        const broker =
          storage === 'memory' ? await openBroker(t, { restart: OFTEN }) : await openFolder({ restart: OFTEN })
        const fan = await fanOf([kept, { ...kept, priorities: 3 }, { ...kept, dedupeMs: 60_000 }], broker)
        const killed = killHost(broker, point)
        await (sessions.get(broker) as Session).ask(control => control.census())
        const numbers = Array.from({ length: 40 }, (_, value) => value)
        const sent = numbers.map(value => fan.events.publish('', { value, id: `m${value}` }))
        t.equal(await within(10_000, 'the kill', killed), true)
        const confirmed = await within(10_000, 'all', Promise.all(sent))
        t.strictSame(await fan.values(), [numbers, numbers, numbers])
        for (const { receipts } of confirmed) t.equal(receipts.length, 3)
        t.strictSame(
          confirmed.map(({ receipts }) => receipts.map(receipt => (receipt as { offset?: number }).offset)),
          numbers.map(value => [value, value, value]),
        )
      },
    )
  }
}

t.test('a message that a full target holds for five seconds is told, and which target it is', async t => {
  const broker = await sharedBroker()
  const fan = await fanOf([{}, { maxMessages: 1 }, {}])
  const full = fan.queues[1]?.name
  const told = new Promise<BrokerEvents['stalled']>(resolve => {
    t.teardown(broker.on('stalled', event => event.queue === full && resolve(event)))
  })
  for (const value of [0, 1, 2]) void fan.events.publish('', { value }).catch(() => undefined)
  const event = await within(10_000, 'the event', told)
  t.match(event, { queue: full, partition: 0, deadLetterTopic: null })
  t.ok(event.waitedMs >= 5_000)
  await fan.queues[1]?.purge()
})

function killHost(broker: Broker, point: FaultPoint): Promise<boolean> {
  return (sessions.get(broker) as Session).ask(control => control.killPartitionHost(0, FAULT_POINT[point]))
}
