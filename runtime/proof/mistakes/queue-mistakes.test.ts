/** Mistakes with queues and requests that are told at the call. */
import t from 'tap'
import { any, type Mistake, playMistakes } from './mistakes.fixture.ts'

const module = new URL('file:///none/handler.js')

const QUEUES: readonly Mistake[] = [
  [
    'a misspelt option',
    'MILL_UNKNOWN_OPTION',
    /did you mean `priorities`/,
    ({ broker, name }) => broker.queue(name, any({ priority: 3 })),
  ],
  [
    'an option of RabbitMQ',
    'MILL_UNKNOWN_OPTION',
    /it is called `maxMessages` here/,
    ({ broker, name }) => broker.queue(name, any({ maxLength: 3 })),
  ],
  [
    'an option of consumers',
    'MILL_UNKNOWN_OPTION',
    /`prefetch` is an option of a queue's consumers: give it to/,
    ({ broker, name }) => broker.queue(name, any({ prefetch: 3 })),
  ],
  [
    'an option of topics',
    'MILL_UNKNOWN_OPTION',
    /`groups` is an option of topics/,
    ({ broker, name }) => broker.queue(name, any({ groups: ['a'] })),
  ],
  [
    'fair keys without a limit',
    'MILL_INVALID_OPTION',
    /needs a `keyConcurrency`.*give it as well/,
    ({ broker, name }) => broker.queue(name, { keyOrder: 'fair' }),
  ],
  [
    'a rate that is a number',
    'MILL_INVALID_OPTION',
    /write \{ max: 5, perMs: 1_000 \}/,
    ({ broker, name }) => broker.queue(name, any({ rate: 5 })),
  ],
  [
    'a queue with other options',
    'MILL_CONFIG_MISMATCH',
    /priorities 3, not 5; leave the option out/,
    ({ broker, queue }) => broker.queue(queue.name, { priorities: 5 }),
  ],
  [
    'the name of a topic',
    'MILL_CONFIG_MISMATCH',
    /is a topic, not a queue: open it with broker\.topic/,
    ({ broker, topic }) => broker.queue(topic.name),
  ],
  [
    'the name of a queue',
    'MILL_CONFIG_MISMATCH',
    /is a queue, not a topic: open it with broker\.queue/,
    ({ broker, queue }) => broker.topic(queue.name),
  ],
  [
    'a queue that is consumed is deleted',
    'MILL_GROUP_BUSY',
    /stop its runs, loops and subscriptions first/,
    async ({ queue }) => {
      await queue.handle(() => 1)
      await queue.delete()
    },
  ],
  [
    'a deleted queue',
    'MILL_TOPIC_DELETED',
    /open it again with broker\.queue/,
    async ({ queue }) => {
      await queue.delete()
      await queue.send({ value: 1 })
    },
  ],
]

const MESSAGES: readonly Mistake[] = [
  [
    'a name and data',
    'MILL_INVALID_OPTION',
    /not "job"; write \{ value: "job" \}/,
    ({ queue }) => queue.send(any('job'), any({ a: 1 })),
  ],
  [
    'a misspelt field',
    'MILL_UNKNOWN_OPTION',
    /did you mean `delayMs`/,
    ({ queue }) => queue.send(any({ value: 1, delay: 5 })),
  ],
  [
    'a field of AMQP',
    'MILL_UNKNOWN_OPTION',
    /it is called `ttlMs` here/,
    ({ queue }) => queue.send(any({ value: 1, expiration: 5 })),
  ],
  [
    'a field of BullMQ',
    'MILL_UNKNOWN_OPTION',
    /it is called `id` here/,
    ({ queue }) => queue.send(any({ value: 1, jobId: 'x' })),
  ],
  [
    'a field as an option',
    'MILL_UNKNOWN_OPTION',
    /`priority` is a field of the message: give it there/,
    ({ queue }) => queue.send({ value: 1 }, any({ priority: 2 })),
  ],
  [
    'an option as a field',
    'MILL_UNKNOWN_OPTION',
    /`timeoutMs` is an option of the call: give it behind the message/,
    ({ queue }) => queue.request(any({ value: 1, timeoutMs: 5 })),
  ],
  [
    'a partition',
    'MILL_UNKNOWN_OPTION',
    /it has `key`, `value`, `headers`, `priority`/,
    ({ queue }) => queue.send(any({ value: 1, partition: 0 })),
  ],
  [
    'a priority that is too high',
    'MILL_OUT_OF_RANGE',
    /integer from 0 to 2, not 3: queue \S+ has 3 priorities/,
    ({ queue }) => queue.send({ value: 1, priority: 3 }),
  ],
  [
    'a delay as text',
    'MILL_INVALID_OPTION',
    /a number of milliseconds, 0 or more, not "5s"/,
    ({ queue }) => queue.send(any({ value: 1, delayMs: '5s' })),
  ],
  [
    'a moment as text',
    'MILL_INVALID_OPTION',
    /must be a Date, not "2030-01-01"/,
    ({ queue }) => queue.send(any({ value: 1, deliverAt: '2030-01-01' })),
  ],
  [
    'an id where none are kept',
    'MILL_INVALID_OPTION',
    /open it with `dedupeMs`, or leave `id` out/,
    ({ queue }) => queue.send({ value: 1, id: 'x' }),
  ],
  [
    'an id that is a number',
    'MILL_INVALID_OPTION',
    /not 5; use String\(id\)/,
    async ({ broker, name }) => (await broker.queue(name, { dedupeMs: 1_000 })).send(any({ value: 1, id: 5 })),
  ],
  [
    'a batch that is one message',
    'MILL_INVALID_OPTION',
    /write sendBatch\(\[/,
    ({ queue }) => queue.sendBatch(any({ value: 1 })),
  ],
  [
    'one wrong message of a batch',
    'MILL_UNPUBLISHED',
    /none of 2 messages was sent.*index 1.*integer from 0 to 2, not 9/,
    ({ queue }) => queue.sendBatch([{ value: 1 }, { value: 2, priority: 9 }]),
  ],
]

const CONSUMERS: readonly Mistake[] = [
  [
    'a function to run',
    'MILL_INVALID_OPTION',
    /`handle` takes a function; run takes/,
    ({ queue }) => queue.run(any(() => 1)),
  ],
  ['a URL to handle', 'MILL_HANDLER', /use queue\.run\(\{ handler: new URL/, ({ queue }) => queue.handle(any(module))],
  [
    'options to handle',
    'MILL_HANDLER',
    /the options after it: queue\.handle\(/,
    ({ queue }) => queue.handle(any({ handler: () => 1 })),
  ],
  [
    'an option of the queue',
    'MILL_UNKNOWN_OPTION',
    /give it to broker\.queue\(name, \{ attempts \}\)/,
    ({ queue }) => queue.handle(() => 1, any({ attempts: 5 })),
  ],
  [
    'an option of run',
    'MILL_UNKNOWN_OPTION',
    /`threads` is an option of run/,
    ({ queue }) => queue.handle(() => 1, any({ threads: 5 })),
  ],
  [
    'a concurrency as text',
    'MILL_INVALID_OPTION',
    /an integer from 1 to 256, not "5"/,
    ({ queue }) => queue.handle(() => 1, any({ concurrency: '5' })),
  ],
  [
    'a handler with snapshots',
    'MILL_HANDLER',
    /keep the state elsewhere, or handle a topic/,
    ({ queue }) => queue.handle(any({ start: () => 1, message: () => 1, snapshot: () => 1, restore: () => 1 })),
  ],
  [
    'a message settled twice',
    'MILL_SETTLED',
    /settle each delivery once/,
    async ({ queue }) => {
      await queue.send({ value: 1 })
      for await (const { ack } of queue.consume()) {
        ack()
        ack()
      }
    },
  ],
  [
    'a misspelt option of nack',
    'MILL_UNKNOWN_OPTION',
    /did you mean `delayMs`/,
    async ({ queue }) => {
      await queue.send({ value: 1 })
      for await (const { nack } of queue.consume()) nack(new Error('x'), any({ delay: 5 }))
    },
  ],
  [
    'a receipt instead of its id',
    'MILL_INVALID_OPTION',
    /give the `id` of a receipt or a delivery, a string, not an object/,
    async ({ queue }) => queue.cancel(any(await queue.send({ value: 1 }))),
  ],
  [
    'an update of the value',
    'MILL_UNKNOWN_OPTION',
    /it has `priority`, `delayMs`, `deliverAt` or `ttlMs`/,
    ({ queue }) => queue.update('0', any({ value: 1 })),
  ],
  [
    'an update of nothing',
    'MILL_INVALID_OPTION',
    /give it `priority`, `delayMs`/,
    ({ queue }) => queue.update('0', {}),
  ],
]

const REQUESTS: readonly Mistake[] = [
  [
    'no consumer',
    'MILL_TIMEOUT',
    /within 50 ms.*Raise `timeoutMs`, or look with queue\.stats\(\)/,
    ({ queue }) => queue.request({ value: 1 }, { timeoutMs: 50 }),
  ],
  [
    'a limit that is a number',
    'MILL_INVALID_OPTION',
    /write \{ timeoutMs: 200 \}/,
    ({ queue }) => queue.request({ value: 1 }, any(200)),
  ],
  [
    'a misspelt limit',
    'MILL_UNKNOWN_OPTION',
    /did you mean `timeoutMs`/,
    ({ queue }) => queue.request({ value: 1 }, any({ timeout: 200 })),
  ],
  ['a delay', 'MILL_INVALID_OPTION', /send it when it is due/, ({ queue }) => queue.request({ value: 1, delayMs: 5 })],
  [
    'a handler that throws',
    'MILL_REQUEST_FAILED',
    /its handler failed as often as the queue allows: no stock/,
    async ({ broker, name }) => {
      const queue = await broker.queue(name, { attempts: 1 })
      await queue.handle(() => {
        throw new Error('no stock')
      })
      return queue.request({ value: 1 })
    },
  ],
  [
    'an answer that is a Map',
    'MILL_REQUEST_FAILED',
    /cannot be sent back: .*publish Object\.fromEntries\(map\)/,
    async ({ queue }) => {
      await queue.handle(() => new Map())
      return queue.request({ value: 1 })
    },
  ],
  [
    'a request to a topic',
    'MILL_REQUEST_FAILED',
    /is a topic, and only a message to a queue is answered/,
    async ({ broker, name, topic }) => {
      const queue = await broker.queue(name, { attempts: 1 })
      await queue.handle((_, { request }) => request(topic.name, { value: 1 }))
      return queue.request({ value: 1 })
    },
  ],
  [
    'a message to a topic',
    'MILL_REQUEST_FAILED',
    /use context\.publish for it/,
    async ({ broker, name, topic }) => {
      const queue = await broker.queue(name, { attempts: 1 })
      await queue.handle((_, { send }) => send(topic.name, { value: 1 }))
      return queue.request({ value: 1 })
    },
  ],
  [
    'a message to a queue that does not exist',
    'MILL_REQUEST_FAILED',
    /open it with broker\.topic or broker\.queue/,
    async ({ broker, name }) => {
      const queue = await broker.queue(name, { attempts: 1 })
      await queue.handle((_, { send }) => send('nope', { value: 1 }))
      return queue.request({ value: 1 })
    },
  ],
]

t.test('queues', t => playMistakes(t, QUEUES))
t.test('messages', t => playMistakes(t, MESSAGES))
t.test('consumers', t => playMistakes(t, CONSUMERS))
t.test('requests', t => playMistakes(t, REQUESTS))
