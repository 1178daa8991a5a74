/** Mistakes with exchanges and schedules that are told at the call. */
import t from 'tap'
import type { Exchange, ExchangeType } from '../../index.ts'
import { any, type Mistake, type Place, playMistakes } from './mistakes.fixture.ts'

function exchangeOf({ broker, name }: Place, type: ExchangeType = 'topic'): Promise<Exchange<unknown>> {
  return broker.exchange(`${name}-exchange`, { type })
}

const EXCHANGES: readonly Mistake[] = [
  ['no type', 'MILL_INVALID_OPTION', /does not exist yet: say its `type`/, ({ broker, name }) => broker.exchange(name)],
  [
    'a type instead of options',
    'MILL_INVALID_OPTION',
    /write \{ type: "topic" \}/,
    ({ broker, name }) => broker.exchange(name, any('topic')),
  ],
  [
    'a type that is none',
    'MILL_INVALID_OPTION',
    /'direct' or 'topic' or 'fanout' or 'headers', not "topics"/,
    ({ broker, name }) => broker.exchange(name, any({ type: 'topics' })),
  ],
  [
    'another type',
    'MILL_CONFIG_MISMATCH',
    /type topic, not direct; leave the option out/,
    async place => {
      await exchangeOf(place)
      await exchangeOf(place, 'direct')
    },
  ],
  [
    'a queue as the alternate',
    'MILL_CONFIG_MISMATCH',
    /is a queue, and must be an exchange: bind the queue to one of type fanout, and name that/,
    ({ broker, name, queue }) => broker.exchange(name, { type: 'topic', alternate: queue.name }),
  ],
  [
    'a message without a routing key',
    'MILL_INVALID_OPTION',
    /publish takes it first, publish\('orders\.eu\.paid', \{ value \}\)/,
    async place => (await exchangeOf(place)).publish(any({ value: 1 }), any(undefined)),
  ],
  [
    'a value instead of a message',
    'MILL_INVALID_OPTION',
    /write \{ value: "text" \}/,
    async place => (await exchangeOf(place)).publish('a.b', any('text')),
  ],
  [
    'no binding',
    'MILL_UNROUTABLE',
    /bind a queue, give the exchange an `alternate`, or publish with/,
    async place => (await exchangeOf(place)).publish('a.b', { value: 1 }),
  ],
  [
    'a name instead of a queue',
    'MILL_INVALID_OPTION',
    /open it first, as with broker\.queue/,
    async place => (await exchangeOf(place)).bind(any(place.queue.name), 'a.*'),
  ],
  [
    'the pattern first',
    'MILL_INVALID_OPTION',
    /give the target first, and then the pattern/,
    async place => (await exchangeOf(place)).bind(any('a.*'), any(place.queue)),
  ],
  [
    'a queue that was not awaited',
    'MILL_INVALID_OPTION',
    /a promise, which has to be awaited first/,
    async place => (await exchangeOf(place)).bind(any(Promise.resolve(place.queue)), 'a.*'),
  ],
  [
    'a group',
    'MILL_INVALID_OPTION',
    /give what broker\.queue, broker\.topic or broker\.exchange has resolved with/,
    async place => (await exchangeOf(place)).bind(any(place.topic.group('g')), 'a.*'),
  ],
  [
    'no pattern',
    'MILL_INVALID_OPTION',
    /bind by a pattern, such as 'orders\.\*'/,
    async place => (await exchangeOf(place)).bind(place.queue),
  ],
  [
    'a pattern where none counts',
    'MILL_INVALID_OPTION',
    /bind without a pattern/,
    async place => (await exchangeOf(place, 'fanout')).bind(place.queue, 'a'),
  ],
  [
    'headers alone',
    'MILL_INVALID_OPTION',
    /write \{ match: 'all', headers: \{ name: 'value' \} \}/,
    async place => (await exchangeOf(place, 'headers')).bind(place.queue, any({ region: 'eu' })),
  ],
]

const SCHEDULES: readonly Mistake[] = [
  [
    'a pattern instead of options',
    'MILL_INVALID_OPTION',
    /write \{ cron: "\* \* \* \* \*" \}/,
    ({ broker, name, queue }) => broker.schedule(name, any('* * * * *'), queue, { value: 1 }),
  ],
  [
    'a number instead of options',
    'MILL_INVALID_OPTION',
    /write \{ everyMs: 5000 \}/,
    ({ broker, name, queue }) => broker.schedule(name, any(5_000), queue, { value: 1 }),
  ],
  [
    'four fields',
    'MILL_INVALID_OPTION',
    /a pattern of five fields.*which has 4 fields/,
    ({ broker, name, queue }) => broker.schedule(name, { cron: '* * * *' }, queue, { value: 1 }),
  ],
  [
    'a wrong minute',
    'MILL_INVALID_OPTION',
    /its minute cannot be "99"/,
    ({ broker, name, queue }) => broker.schedule(name, { cron: '99 * * * *' }, queue, { value: 1 }),
  ],
  [
    'a day that never comes',
    'MILL_INVALID_OPTION',
    /names no day that ever comes: look at its day of the month/,
    ({ broker, name, queue }) => broker.schedule(name, { cron: '0 0 31 2 *' }, queue, { value: 1 }),
  ],
  [
    'a name of other libraries',
    'MILL_UNKNOWN_OPTION',
    /it is called `timeZone` here/,
    ({ broker, name, queue }) => broker.schedule(name, any({ cron: '* * * * *', tz: 'UTC' }), queue, { value: 1 }),
  ],
  [
    'a zone that is none',
    'MILL_INVALID_OPTION',
    /an IANA name such as "Europe\/Berlin", not "Berlin"/,
    ({ broker, name, queue }) => broker.schedule(name, { cron: '* * * * *', timeZone: 'Berlin' }, queue, { value: 1 }),
  ],
  [
    'neither pattern nor interval',
    'MILL_INVALID_OPTION',
    /a schedule needs `cron`, such as/,
    ({ broker, name, queue }) => broker.schedule(name, {}, queue, { value: 1 }),
  ],
  [
    'a function',
    'MILL_INVALID_OPTION',
    /to a queue, a topic or an exchange, not to a function: give one behind/,
    ({ broker, name }) =>
      broker.schedule(
        name,
        { everyMs: 1_000 },
        any(() => 1),
        any(undefined),
      ),
  ],
  [
    'a queue that was not awaited',
    'MILL_INVALID_OPTION',
    /a promise, which has to be awaited first/,
    ({ broker, name, queue }) => broker.schedule(name, { everyMs: 1_000 }, any(Promise.resolve(queue)), { value: 1 }),
  ],
  [
    'a target that is not open',
    'MILL_INVALID_OPTION',
    /is not open: open it with/,
    ({ broker, name }) => broker.schedule(name, { everyMs: 1_000 }, 'nope', { value: 1 }),
  ],
  [
    'no message',
    'MILL_INVALID_OPTION',
    /a message is one object with a value/,
    ({ broker, name, queue }) => broker.schedule(name, { everyMs: 1_000 }, queue, any(undefined)),
  ],
]

t.test('exchanges', t => playMistakes(t, EXCHANGES))
t.test('schedules', t => playMistakes(t, SCHEDULES))
