/** Mistakes with streams that are told at the call. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { any, door, type Mistake, playMistakes } from './mistakes.fixture.ts'

const { createBroker, defineHandler } = door
const folder = mkdtempSync(join(tmpdir(), 'millrace-mistakes-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

function circular(): unknown {
  const order: Record<string, unknown> = { lines: [] }
  order.lines = [{ order }]
  return order
}

const module = pathToFileURL(join(folder, 'handler.mjs'))
writeFileSync(module, 'export default ({ value }) => value\n')

const OPTIONS: readonly Mistake[] = [
  [
    'a misspelt topic option',
    'MILL_UNKNOWN_OPTION',
    /did you mean `partitions`/,
    ({ broker, name }) => broker.topic(name, any({ partition: 3 })),
  ],
  [
    'a misspelt run option',
    'MILL_UNKNOWN_OPTION',
    /did you mean `threads`/,
    ({ topic }) => topic.group('g').run(any({ handler: module, thread: 2 })),
  ],
  [
    'an option of another library',
    'MILL_UNKNOWN_OPTION',
    /`retries`: it is called `attempts` here/,
    ({ topic }) => topic.group('g').handle(() => 1, any({ retries: 3 })),
  ],
  [
    'a number as text',
    'MILL_INVALID_OPTION',
    /integer from 1 to 1,024, not "12"/,
    ({ broker, name }) => broker.topic(name, any({ partitions: '12' })),
  ],
  [
    'no threads',
    'MILL_OUT_OF_RANGE',
    /`threads` must be an integer from 1 to 256, not 0/,
    ({ topic }) => topic.group('g').run({ handler: module, threads: 0 }),
  ],
  [
    'a backoff that is a number',
    'MILL_INVALID_OPTION',
    /`backoff` must be an object, not 100/,
    ({ topic }) => topic.group('g').handle(() => 1, any({ backoff: 100 })),
  ],
  [
    'no dead letters, and attempts that end',
    'MILL_INVALID_OPTION',
    /needs `attempts: Infinity`/,
    ({ topic }) => topic.group('g').handle(() => 1, { deadLetter: false }),
  ],
  [
    'a name with a blank and a slash',
    'MILL_INVALID_NAME',
    /"orders\/eu west" is not allowed: use/,
    ({ broker }) => broker.topic('orders/eu west'),
  ],
  [
    'a group name with a blank',
    'MILL_INVALID_NAME',
    /use 1 to 200 of/,
    ({ topic }) => topic.group('my group').handle(() => 1),
  ],
  ['no name', 'MILL_INVALID_NAME', /topic name undefined/, ({ broker }) => broker.topic(any(undefined))],
  [
    'a definition that was not awaited',
    'MILL_INVALID_NAME',
    /a promise, which has to be awaited first/,
    ({ broker }) => broker.topic(any(Promise.resolve('x'))),
  ],
  [
    'a topic with other partitions',
    'MILL_CONFIG_MISMATCH',
    /partitions 2, not 3; leave the option out/,
    ({ broker, topic }) => broker.topic(topic.name, { partitions: 3 }),
  ],
  [
    'a group with other options',
    'MILL_CONFIG_MISMATCH',
    /attempts 3, not 5; give the same options/,
    async ({ topic }) => {
      await topic.group('g').handle(() => 1, { attempts: 3 })
      await topic.group('g').handle(() => 1, { attempts: 5 })
    },
  ],
  [
    'a misspelt event',
    'MILL_UNKNOWN_OPTION',
    /did you mean 'deadLettered'/,
    ({ broker }) => broker.on(any('deadletter'), () => 1),
  ],
  [
    'a listener that is missing',
    'MILL_INVALID_OPTION',
    /must be a function, not undefined/,
    ({ broker }) => broker.on('failed', any(undefined)),
  ],
  [
    'an output that does not exist',
    'MILL_INVALID_OPTION',
    /no topic nope for the output; open it/,
    ({ topic }) => topic.group('g').run({ handler: module, output: 'nope' }),
  ],
  [
    'fsync without a folder',
    'MILL_INVALID_OPTION',
    /give createBroker a dir/,
    ({ broker, name }) => broker.topic(name, { durability: 'fsync' }),
  ],
]

const MESSAGES: readonly Mistake[] = [
  [
    'a misspelt field',
    'MILL_UNKNOWN_OPTION',
    /no field "val": did you mean `value`/,
    ({ topic }) => topic.publish(any({ key: 'a', val: 1 })),
  ],
  [
    'a field in capitals',
    'MILL_UNKNOWN_OPTION',
    /no field "Key": did you mean `key`/,
    ({ topic }) => topic.publish(any({ Key: 'a', value: 1 })),
  ],
  [
    'an array, as Kafka takes it',
    'MILL_INVALID_OPTION',
    /not an array; use publishBatch/,
    ({ topic }) => topic.publish(any([{ value: 1 }])),
  ],
  [
    'a key and a value',
    'MILL_INVALID_OPTION',
    /not "a"; write \{ value: "a" \}, or \{ key: "a", value/,
    ({ topic }) => topic.publish(any('a'), any({ v: 1 })),
  ],
  [
    'a message that was not awaited',
    'MILL_UNSERIALISABLE',
    /a promise of one has to be awaited/,
    ({ topic }) => topic.publish(any(Promise.resolve({ value: 1 }))),
  ],
  [
    'a batch in an object',
    'MILL_INVALID_OPTION',
    /takes an array of messages, not an object; write publishBatch\(\[/,
    ({ topic }) => topic.publishBatch(any({ messages: [] })),
  ],
  [
    'a key that is a number',
    'MILL_INVALID_OPTION',
    /not 42; use String\(key\)/,
    ({ topic }) => topic.publish(any({ key: 42, value: 1 })),
  ],
  [
    'a key that is an object',
    'MILL_INVALID_OPTION',
    /not an object; take a field of it/,
    ({ topic }) => topic.publish(any({ key: { id: 1 }, value: 1 })),
  ],
  [
    'a header that is a number',
    'MILL_UNSERIALISABLE',
    /header "n" must be a string or a Uint8Array, not 5/,
    ({ topic }) => topic.publish(any({ value: 1, headers: { n: 5 } })),
  ],
  [
    'no value',
    'MILL_UNSERIALISABLE',
    /cannot hold undefined.*a message without a value has `value: null`/,
    ({ topic }) => topic.publish(any({ key: 'only-key' })),
  ],
  [
    'a message that is too large',
    'MILL_TOO_LARGE',
    /give more where the topic or queue is first opened, or store the payload elsewhere/,
    ({ topic }) => topic.publish({ value: 'x'.repeat(2e6) }),
  ],
  [
    'a cycle',
    'MILL_UNSERIALISABLE',
    /refers to itself at value\.lines\[0\]\.order; publish a copy/,
    ({ topic }) => topic.publish({ value: circular() }),
  ],
  [
    'a BigInt',
    'MILL_UNSERIALISABLE',
    /BigInt at value\.user\.id; convert it/,
    ({ topic }) => topic.publish({ value: { user: { id: 1n } } }),
  ],
  [
    'a function',
    'MILL_UNSERIALISABLE',
    /a function: publish an object/,
    ({ topic }) => topic.publish({ value: () => 1 }),
  ],
  [
    'a Map',
    'MILL_UNSERIALISABLE',
    /publish Object\.fromEntries\(map\)/,
    ({ topic }) => topic.publish({ value: new Map() }),
  ],
  ['a Set', 'MILL_UNSERIALISABLE', /publish \[\.\.\.set\]/, ({ topic }) => topic.publish({ value: new Set() })],
  [
    'an Error',
    'MILL_UNSERIALISABLE',
    /publish \{ name, message \} of it/,
    ({ topic }) => topic.publish({ value: new Error('x') }),
  ],
  ['a RegExp', 'MILL_UNSERIALISABLE', /publish String\(regexp\)/, ({ topic }) => topic.publish({ value: /x/ })],
  [
    'a value that was not awaited',
    'MILL_UNSERIALISABLE',
    /await it first/,
    ({ topic }) => topic.publish({ value: Promise.resolve(1) }),
  ],
  [
    'bytes as JSON',
    'MILL_UNSERIALISABLE',
    /open the topic with `codec: 'bytes'`/,
    ({ topic }) => topic.publish({ value: new Uint8Array(2) }),
  ],
  [
    'one wrong message of a batch',
    'MILL_UNPUBLISHED',
    /none of 3 messages was published.*index 1.*use String\(key\)/,
    ({ topic }) => topic.publishBatch(any([{ value: 1 }, { key: 7, value: 2 }, { value: 3 }])),
  ],
  [
    'a partition that does not exist',
    'MILL_OUT_OF_RANGE',
    /partition/,
    ({ topic }) => topic.publish({ value: 1, partition: 9 }),
  ],
]

const HANDLERS: readonly Mistake[] = [
  [
    'a relative path',
    'MILL_HANDLER',
    /`handler: new URL\('\.\/jobs\/mail\.js', import\.meta\.url\)`/,
    ({ topic }) => topic.group('g').run({ handler: './jobs/mail.js' }),
  ],
  [
    'a bare file name',
    'MILL_HANDLER',
    /`handler: new URL\('\.\/mail\.js', import\.meta\.url\)`/,
    ({ topic }) => topic.group('g').run({ handler: 'mail.js' }),
  ],
  [
    'no handler',
    'MILL_HANDLER',
    /`handler` is missing: give the handler module/,
    ({ topic }) => topic.group('g').run(any({})),
  ],
  [
    'a file that does not exist',
    'MILL_HANDLER',
    /does not exist; check the path, and that it was compiled; a bundler needs it as an entry point of its own/,
    ({ topic }) => topic.group('g').run({ handler: pathToFileURL(join(folder, 'none.mjs')) }),
  ],
  [
    'a function to run',
    'MILL_INVALID_OPTION',
    /not a function: `handle` takes a function; run takes/,
    ({ topic }) => topic.group('g').run(any(() => 1)),
  ],
  [
    'a URL to run',
    'MILL_INVALID_OPTION',
    /write \{ handler: new URL\(…\) \}/,
    ({ topic }) => topic.group('g').run(any(module)),
  ],
  [
    'a function as the handler of run',
    'MILL_HANDLER',
    /which no other thread can be given.*with `handle`/,
    ({ topic }) => topic.group('g').run(any({ handler: () => 1 })),
  ],
  [
    'a URL to handle',
    'MILL_HANDLER',
    /a URL; a module's handler runs on worker threads: use group\.run/,
    ({ topic }) => topic.group('g').handle(any(module)),
  ],
  [
    'options to handle',
    'MILL_HANDLER',
    /handle takes the function itself, and the options after it: group\.handle\(/,
    ({ topic }) => topic.group('g').handle(any({ handler: () => 1 })),
  ],
  [
    'nothing to handle',
    'MILL_HANDLER',
    /undefined; give a function, or what defineHandler/,
    ({ topic }) => topic.group('g').handle(any(undefined)),
  ],
  [
    'a handler in capitals',
    'MILL_HANDLER',
    /no function "onMessage"|needs a `message` function/,
    () => defineHandler(any({ onMessage: () => 1 })),
  ],
  [
    'data with a function',
    'MILL_UNSERIALISABLE',
    /make it of plain data, without functions/,
    ({ topic }) => topic.group('g').run({ handler: module, data: { log: () => 1 } }),
  ],
]

const READING: readonly Mistake[] = [
  [
    'an offset without a partition',
    'MILL_INVALID_OPTION',
    /needs a `partition`/,
    ({ topic }) => topic.group('g').seek(5),
  ],
  [
    'a place of another name',
    'MILL_INVALID_OPTION',
    /'earliest', 'latest', an offset from 0 on, or a Date, not "beginning"/,
    ({ topic }) => topic.group('g').seek(any('beginning')),
  ],
  [
    'an invalid Date',
    'MILL_INVALID_OPTION',
    /or a Date, not an invalid Date/,
    ({ topic }) => topic.group('g').seek(new Date('nope')),
  ],
  [
    'a group that does not exist',
    'MILL_INVALID_OPTION',
    /`from` says where a new one starts/,
    ({ topic }) => topic.group('g').seek('earliest'),
  ],
  [
    'a group that runs',
    'MILL_GROUP_BUSY',
    /stop its runs before/,
    async ({ topic }) => {
      await topic.group('g').handle(() => 1)
      await topic.group('g').seek('earliest')
    },
  ],
  [
    'a replay of a topic in memory',
    'MILL_INVALID_OPTION',
    /only a topic on disk can be read again/,
    ({ topic }) => topic.replay().next(),
  ],
  [
    'an old delivery',
    'MILL_SETTLED',
    /settle each delivery once/,
    async ({ topic }) => {
      await topic.publishBatch([{ value: 1 }])
      for await (const delivery of topic.group('g').consume()) {
        delivery.ack()
        delivery.ack()
      }
    },
  ],
]

const BROKERS: readonly Mistake[] = [
  [
    'a folder instead of options',
    'MILL_INVALID_OPTION',
    /broker options must be an object, not "\.\/data"/,
    () => createBroker(any('./data')),
  ],
  [
    'a dir that is a file',
    'MILL_DISK',
    /it is a file, and `dir` must be a folder: give another `dir`/,
    () => createBroker({ dir: join(folder, 'handler.mjs') }),
  ],
  [
    'a dir that is a URL of the web',
    'MILL_INVALID_OPTION',
    /the path of a folder, or its file: URL, not a URL of https:/,
    () => createBroker({ dir: new URL('https://host/data') }),
  ],
  [
    'a dir that was not awaited',
    'MILL_INVALID_OPTION',
    /a promise, which has to be awaited first/,
    () => createBroker(any({ dir: Promise.resolve('x') })),
  ],
  [
    'two brokers on one dir',
    'MILL_LOCKED',
    /in use by another broker of this process.*Close that one, or give another dir/,
    async () => {
      const dir = join(folder, 'data')
      const first = await createBroker({ dir })
      try {
        await createBroker({ dir })
      } finally {
        await first.close()
      }
    },
  ],
  [
    'a call after close',
    'MILL_CLOSED',
    /await each call before you close it, or open a new broker/,
    async () => {
      const broker = await createBroker()
      const topic = await broker.topic('x')
      await broker.close()
      await broker.close()
      await topic.publish({ value: 1 })
    },
  ],
  [
    'a topic that was not awaited before close',
    'MILL_CLOSED',
    /await each call before you close it/,
    async () => {
      const broker = await createBroker()
      const topic = broker.topic('x')
      await Promise.all([topic, broker.close()])
    },
  ],
]

t.test('options', t => playMistakes(t, OPTIONS))
t.test('messages', t => playMistakes(t, MESSAGES))
t.test('handlers', t => playMistakes(t, HANDLERS))
t.test('reading', t => playMistakes(t, READING))
t.test('brokers', t => playMistakes(t, BROKERS))

t.test('a dir may be a file: URL', async t => {
  const dir = new URL('./by-url/', pathToFileURL(`${folder}/`))
  const broker = await createBroker({ dir })
  t.equal((await (await broker.topic('x')).publish({ value: 1 })).durability, 'fsync')
  await broker.close()
  const again = await createBroker({ dir: dir.href })
  t.match(await again.topics(), [{ name: 'x' }])
  await again.close()
})
