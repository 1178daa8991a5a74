import { availableParallelism } from 'node:os'
import fc from 'fast-check'
import t from 'tap'
import { closest } from '../base/closest.ts'
import { checkBrokerOptions } from './broker-options.ts'
import { checkCloseOptions, checkStopOptions } from './common-options.ts'
import { checkConsumeOptions, checkHandleOptions, checkObserveOptions, checkRunOptions } from './group-options.ts'
import { checkPublishOptions } from './publish-options.ts'
import { checkTopicOptions } from './topic-options.ts'

const MIB = 1_024 * 1_024
const handler = 'file:///srv/handler.js'
const NONE = new Set<string>()

const GROUP_DEFAULTS = {
  attempts: 5,
  backoff: { initialMs: 100, maxMs: 10_000, jitter: 0.2 },
  deadLetter: undefined,
  from: 'earliest',
  retryOrder: 'partition',
  signal: undefined,
}
const HANDLE_DEFAULTS = {
  ...GROUP_DEFAULTS,
  delivery: 'at-least-once',
  concurrency: 1,
  batch: { maxRecords: 100, maxWaitMs: 0 },
  handlerTimeoutMs: 30_000,
  output: undefined,
}

const CHECKS = {
  topic: checkTopicOptions,
  broker: checkBrokerOptions,
  run: checkRunOptions,
  handle: checkHandleOptions,
  consume: checkConsumeOptions,
  observe: checkObserveOptions,
  publish: checkPublishOptions,
  close: checkCloseOptions,
} satisfies Record<string, (options: unknown) => object>
type Kind = keyof typeof CHECKS
const KINDS = Object.keys(CHECKS) as Kind[]

function frozenThroughout(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || value instanceof Set) return true
  return Object.isFrozen(value) && Object.values(value).every(frozenThroughout)
}

t.test('without options every default is filled in', async t => {
  t.strictSame(checkTopicOptions(undefined), {
    partitions: 1,
    codec: 'json',
    maxMessageBytes: MIB,
    windowBytes: 2 * MIB,
    onFull: 'wait',
    publishRate: undefined,
    partitioner: 'default',
    groups: [],
    durability: undefined,
    retentionMs: 604_800_000,
    retentionBytes: Number.POSITIVE_INFINITY,
    segmentBytes: 64 * MIB,
    given: NONE,
  })
  t.strictSame(checkBrokerOptions(undefined), {
    dir: undefined,
    dirMode: 0o700,
    fileMode: 0o600,
    memoryMaxBytes: 512 * MIB,
    deadLetterDepth: 1_000,
    partitionThreads: availableParallelism() >= 8 ? 2 : 1,
    logger: undefined,
    restart: { intensity: 10, periodMs: 10_000 },
    given: NONE,
  })
  t.strictSame(checkConsumeOptions(undefined), { ...GROUP_DEFAULTS, until: undefined, given: NONE })
  t.strictSame(checkObserveOptions(undefined), { ...GROUP_DEFAULTS, window: 1_024, given: NONE })
  t.strictSame(checkHandleOptions(undefined), { ...HANDLE_DEFAULTS, given: NONE })
  t.strictSame(checkRunOptions({ handler }), {
    ...HANDLE_DEFAULTS,
    handler,
    threads: Math.max(1, availableParallelism() - 1),
    data: undefined,
    resourceLimits: undefined,
    restart: { intensity: 10, periodMs: 10_000 },
    given: new Set(['handler']),
  })
  t.strictSame(checkPublishOptions(undefined), { signal: undefined, timeoutMs: undefined, given: NONE })
  t.strictSame(checkCloseOptions(undefined), { timeoutMs: 8_000, given: NONE })
  t.strictSame(checkStopOptions(undefined), { timeoutMs: 30_000, given: NONE })
})

t.test('checked options are frozen, inner ones and defaults too', async t => {
  for (const kind of KINDS) t.ok(frozenThroughout(CHECKS[kind](kind === 'run' ? { handler } : undefined)), kind)
  t.ok(
    frozenThroughout(checkRunOptions({ handler, backoff: { initialMs: 20_000 }, resourceLimits: { stackSizeMb: 8 } })),
  )
  t.ok(frozenThroughout(checkTopicOptions({ groups: ['a'], maxMessageBytes: 4 * MIB })))
})

t.test('`given` names what has a value, and undefined counts as not given', async t => {
  const checked = checkTopicOptions({ partitions: 1, codec: undefined, groups: [] })
  t.strictSame(checked.given, new Set(['partitions', 'groups']))
  t.equal(checked.codec, 'json')
})

t.test("later changes to the caller's object change nothing", async t => {
  const groups = ['a']
  const checked = checkTopicOptions({ groups })
  groups.push('../x')
  t.same(checked.groups, ['a'])
})

t.test('each option is read once', async t => {
  let reads = 0
  const options = {
    get partitions() {
      return ++reads
    },
  }
  t.equal(checkTopicOptions(options).partitions, 1)
})

t.test('what is no object is refused', async t => {
  for (const kind of KINDS) {
    for (const options of [null, 5, 'x', true, [], () => 1, Symbol('s')]) {
      t.throws(() => CHECKS[kind](options), {
        code: 'MILL_INVALID_OPTION',
        message: new RegExp(`^${kind} options must be an object`),
      })
    }
  }
  t.throws(() => checkConsumeOptions({ backoff: 5 }), {
    code: 'MILL_INVALID_OPTION',
    message: /^`backoff` must be an object/,
  })
})

t.test('an unknown option is refused, and the likely one suggested', async t => {
  const cases: readonly (readonly [Kind, object, RegExp])[] = [
    ['topic', { partitons: 3 }, /unknown option `partitons`: did you mean `partitions`\?/],
    ['topic', { maxMessagebytes: 3 }, /did you mean `maxMessageBytes`\?/],
    ['observe', { widnow: 3 }, /did you mean `window`\?/],
    ['publish', { timeout: 3 }, /did you mean `timeoutMs`\?/],
    ['handle', { timeout: 3 }, /did you mean `handlerTimeoutMs`\?/],
    ['consume', { backoff: { maxMS: 3 } }, /unknown option `backoff\.maxMS`: did you mean `backoff\.maxMs`\?/],
    ['close', { prefetch: 3 }, /unknown option `prefetch`: known are `timeoutMs`$/],
    ['close', { ['x'.repeat(1e6)]: 3 }, /^.{1,200}$/],
    ['close', { [Symbol('timeoutMs')]: 3 }, /a symbol/],
  ]
  for (const [kind, options, message] of cases)
    t.throws(() => CHECKS[kind](options), { code: 'MILL_UNKNOWN_OPTION', message })
})

t.test('a suggestion is the nearest name, or none when nothing is near', async t => {
  t.equal(closest('prefech', ['window', 'prefetch']), 'prefetch')
  t.equal(closest('strat', ['start', 'message', 'stop']), 'start')
  t.equal(closest('colour', ['window', 'prefetch']), undefined)
  t.equal(closest('', ['window']), undefined)
})

t.test('inherited options and __proto__ have no effect', async t => {
  t.equal(checkTopicOptions(Object.create({ partitions: 7, nonsense: 1 })).partitions, 1)
  t.equal(checkTopicOptions(Object.assign(Object.create(null), { partitions: 7 })).partitions, 7)
  t.throws(() => checkTopicOptions(JSON.parse('{"__proto__":{"partitions":7}}')), { code: 'MILL_UNKNOWN_OPTION' })
  t.throws(() => checkTopicOptions({ constructor: 1 }), { code: 'MILL_UNKNOWN_OPTION' })
  t.equal(Reflect.get({}, 'partitions'), undefined)
})

t.test('numbers are taken from the first to the last of their range, and not beyond', async t => {
  const INTEGER = 1
  const FRACTION = 0
  const timerMax = 2 ** 31 - 1
  const ranges: readonly (readonly [Kind, string, number, number, number, 'Infinity'?])[] = [
    ['topic', 'partitions', 1, 1_024, INTEGER],
    ['topic', 'maxMessageBytes', 1, 64 * MIB, INTEGER],
    ['topic', 'windowBytes', 2 * MIB, 256 * MIB, INTEGER],
    ['broker', 'memoryMaxBytes', 4 * MIB, 2_048 * MIB - 65_536, INTEGER],
    ['broker', 'partitionThreads', 1, 64, INTEGER],
    ['broker', 'deadLetterDepth', 1, 1e6, INTEGER, 'Infinity'],
    ['broker', 'restart.intensity', 0, 1e6, INTEGER],
    ['broker', 'restart.periodMs', 1, timerMax, FRACTION],
    ['run', 'threads', 1, 256, INTEGER],
    ['run', 'resourceLimits.maxOldGenerationSizeMb', 1, MIB, FRACTION],
    ['handle', 'concurrency', 1, 256, INTEGER],
    ['handle', 'batch.maxRecords', 1, 1_000, INTEGER],
    ['handle', 'batch.maxWaitMs', 0, 60_000, FRACTION],
    ['handle', 'handlerTimeoutMs', 1, timerMax, FRACTION, 'Infinity'],
    ['consume', 'attempts', 1, 1e6, INTEGER, 'Infinity'],
    ['consume', 'backoff.initialMs', 0, timerMax, FRACTION],
    ['consume', 'backoff.jitter', 0, 1, FRACTION],
    ['observe', 'window', 1, 65_536, INTEGER],
    ['publish', 'timeoutMs', 1, timerMax, FRACTION, 'Infinity'],
    ['close', 'timeoutMs', 1, timerMax, FRACTION, 'Infinity'],
  ]
  for (const [kind, path, min, max, integer, infinity] of ranges) {
    const [name = '', inner] = path.split('.')
    const set = (value: unknown): unknown =>
      CHECKS[kind]({ ...(kind === 'run' && { handler }), [name]: inner === undefined ? value : { [inner]: value } })
    const get = (checked: unknown): unknown =>
      path.split('.').reduce((at, key) => Reflect.get(at as object, key), checked)
    for (const good of [min, max]) t.equal(get(set(good)), good, `${path} ${good}`)
    const outside = [min - 1, max + 1, Number.NaN, Number.NEGATIVE_INFINITY, 2 ** 53, ...(integer ? [min + 0.5] : [])]
    for (const bad of outside)
      t.throws(() => set(bad), { code: 'MILL_OUT_OF_RANGE', message: `\`${path}\` must be ` }, `${path} ${bad}`)
    if (infinity === undefined) t.throws(() => set(Number.POSITIVE_INFINITY), { code: 'MILL_OUT_OF_RANGE' })
    else t.equal(get(set(Number.POSITIVE_INFINITY)), Number.POSITIVE_INFINITY)
    for (const bad of [String(min), BigInt(min), null, true, {}])
      t.throws(() => set(bad), { code: 'MILL_INVALID_OPTION' }, `${path} ${typeof bad}`)
  }
  t.throws(() => checkTopicOptions({ partitions: 0 }), {
    message: '`partitions` must be an integer from 1 to 1,024, not 0',
  })
})

t.test('permission bits keep the owner’s own, and a number without its 0o is noticed', async t => {
  t.match(checkBrokerOptions({ dirMode: 0o755, fileMode: 0o644 }), { dirMode: 0o755, fileMode: 0o644 })
  const cases: readonly (readonly [object, RegExp])[] = [
    [{ fileMode: 0o400 }, /from 0o600 to 0o777, such as 0o600, not 256$/],
    [{ dirMode: 0o600 }, /from 0o700 to 0o777/],
    [{ fileMode: 0o4600 }, /not 2432$/],
    [{ fileMode: 640 }, /did you mean 0o640\?$/],
    [{ dirMode: 755 }, /did you mean 0o755\?$/],
    [{ fileMode: -1 }, /from 0o600/],
    [{ fileMode: 0.5 }, /from 0o600/],
  ]
  for (const [options, message] of cases)
    t.throws(() => checkBrokerOptions(options), { code: 'MILL_OUT_OF_RANGE', message }, JSON.stringify(options))
})

t.test('a rate has a whole number and a time, both given', async t => {
  const publishRate = { max: 1_000, perMs: 0.5 * 3_000 }
  t.strictSame(checkTopicOptions({ publishRate }).publishRate, publishRate)
  t.ok(Object.isFrozen(checkTopicOptions({ publishRate }).publishRate))
  const cases: readonly (readonly [unknown, string, RegExp])[] = [
    [{ max: 0, perMs: 1 }, 'OUT_OF_RANGE', /^`publishRate\.max` must be an integer from 1 to 1,000,000, not 0$/],
    [{ max: Number.NaN, perMs: 1 }, 'OUT_OF_RANGE', /not NaN$/],
    [{ max: Number.POSITIVE_INFINITY, perMs: 1 }, 'OUT_OF_RANGE', /not Infinity$/],
    [{ max: 1.5, perMs: 1 }, 'OUT_OF_RANGE', /`publishRate\.max` .*not 1\.5$/],
    [{ max: 1, perMs: 0 }, 'OUT_OF_RANGE', /^`publishRate\.perMs` must be a number from 1 to 2,147,483,647, not 0$/],
    [{ max: 1, perMs: Number.POSITIVE_INFINITY }, 'OUT_OF_RANGE', /`publishRate\.perMs`/],
    [{ max: '5', perMs: 1 }, 'INVALID_OPTION', /`publishRate\.max` .*not "5"$/],
    [{ perMs: 1 }, 'INVALID_OPTION', /^`publishRate\.max` must be .*, not undefined$/],
    [{ max: 1 }, 'INVALID_OPTION', /^`publishRate\.perMs` must be .*, not undefined$/],
    [{ max: 1, perMs: 1, perS: 1 }, 'UNKNOWN_OPTION', /`publishRate\.perS`: did you mean `publishRate\.perMs`\?$/],
    [{ max: 1, duration: 1 }, 'UNKNOWN_OPTION', /known are `publishRate\.max`, `publishRate\.perMs`$/],
    [1_000, 'INVALID_OPTION', /^`publishRate` must be an object, not 1000: write \{ max: 1000, perMs: 1_000 \}$/],
    [null, 'INVALID_OPTION', /^`publishRate` must be an object, not null$/],
  ]
  for (const [value, code, message] of cases)
    t.throws(() => checkTopicOptions({ publishRate: value }), { code: `MILL_${code}`, message }, JSON.stringify(value))
  t.throws(() => checkTopicOptions({ publicRate: 1 }), { message: /did you mean `publishRate`\?$/ })
})

t.test('options of the wrong type are refused', async t => {
  const cases: readonly (readonly [Kind, object])[] = [
    ['topic', { codec: 'xml' }],
    ['topic', { codec: 'constructor' }],
    ['topic', { onFull: 'dropOldest' }],
    ['topic', { groups: 'a' }],
    ['broker', { dirMode: '755' }],
    ['broker', { logger: true }],
    ['broker', { logger: { warn: () => 1 } }],
    ['consume', { from: 'middle' }],
    ['consume', { signal: {} }],
    ['consume', { signal: null }],
    ['consume', { deadLetter: true }],
    ['consume', { deadLetter: null }],
    ['handle', { output: false }],
  ]
  for (const [kind, options] of cases)
    t.throws(() => CHECKS[kind](options), { code: 'MILL_INVALID_OPTION' }, JSON.stringify(options))
})

t.test('signals, loggers and data come through as they are', async t => {
  const { signal } = new AbortController()
  const logger = { warn: (): void => {}, error: (): void => {} }
  const data = { deep: [1] }
  t.equal(checkPublishOptions({ signal }).signal, signal)
  t.equal(checkBrokerOptions({ logger }).logger, logger)
  t.equal(checkBrokerOptions({ logger: false }).logger, false)
  t.equal(checkRunOptions({ handler, data }).data, data)
})

t.test('names inside of options are checked, and repeated groups count once', async t => {
  t.throws(() => checkTopicOptions({ groups: ['a', '..'] }), { code: 'MILL_INVALID_NAME' })
  t.throws(() => checkTopicOptions({ groups: Array(1) }), { code: 'MILL_INVALID_NAME' })
  t.throws(() => checkTopicOptions({ groups: Array(1_025).fill('a') }), { code: 'MILL_OUT_OF_RANGE' })
  t.throws(() => checkConsumeOptions({ deadLetter: 'a/b' }), { code: 'MILL_INVALID_NAME' })
  t.throws(() => checkHandleOptions({ output: '' }), { code: 'MILL_INVALID_NAME' })
  t.same(checkTopicOptions({ groups: ['a', 'b', 'a'] }).groups, ['a', 'b'])
})

t.test('the window is a power of two with room for two of the largest records', async t => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 64 * MIB }),
      fc.integer({ min: 65_536, max: 256 * MIB }),
      (maxMessageBytes, windowBytes) => {
        fc.pre(windowBytes >= 2 * maxMessageBytes)
        const got = checkTopicOptions({ maxMessageBytes, windowBytes }).windowBytes
        return Number.isInteger(Math.log2(got)) && got >= windowBytes && got < 2 * windowBytes
      },
    ),
  )
  t.equal(checkTopicOptions({ maxMessageBytes: 3 * MIB }).windowBytes, 8 * MIB, 'the default grows with the records')
  t.equal(checkTopicOptions({ maxMessageBytes: 64 * MIB }).windowBytes, 128 * MIB)
  t.equal(checkTopicOptions({ maxMessageBytes: 1, windowBytes: 65_536 }).windowBytes, 65_536)
  t.throws(() => checkTopicOptions({ maxMessageBytes: 1, windowBytes: 65_535 }), { code: 'MILL_OUT_OF_RANGE' })
  t.throws(() => checkTopicOptions({ windowBytes: MIB }), {
    code: 'MILL_OUT_OF_RANGE',
    message: /2,097,152 .*`maxMessageBytes`/,
  })
})

t.test('a first backoff raises the default ceiling, and contradicts a lower given one', async t => {
  t.strictSame(checkConsumeOptions({ backoff: { initialMs: 20_000 } }).backoff, {
    initialMs: 20_000,
    maxMs: 20_000,
    jitter: 0.2,
  })
  t.throws(() => checkConsumeOptions({ backoff: { initialMs: 2, maxMs: 1 } }), {
    code: 'MILL_OUT_OF_RANGE',
    message: /^`backoff\.maxMs`/,
  })
})

t.test('no dead-letter topic is allowed only when attempts never end', async t => {
  for (const check of [checkConsumeOptions, checkObserveOptions, checkHandleOptions]) {
    t.equal(check({ deadLetter: false, attempts: Number.POSITIVE_INFINITY }).deadLetter, false)
    t.throws(() => check({ deadLetter: false }), { code: 'MILL_INVALID_OPTION', message: /`attempts: Infinity`/ })
  }
  t.throws(() => checkRunOptions({ handler, deadLetter: false, attempts: 3 }), { code: 'MILL_INVALID_OPTION' })
})

t.test('at most once is one attempt, which may have nowhere to go', async t => {
  const once = { delivery: 'at-most-once' } as const
  t.match(checkHandleOptions(once), { attempts: 1, deadLetter: undefined })
  t.match(checkRunOptions({ handler, ...once, attempts: 1, deadLetter: false }), { attempts: 1, deadLetter: false })
  for (const attempts of [2, Number.POSITIVE_INFINITY]) {
    t.throws(() => checkHandleOptions({ ...once, attempts }), { code: 'MILL_INVALID_OPTION', message: /one attempt/ })
  }
  for (const other of [{ concurrency: 2 }, { batch: {} }, { retryOrder: 'key' }])
    t.throws(() => checkHandleOptions({ ...once, ...other }), { code: 'MILL_INVALID_OPTION', message: /at-least-once/ })
  t.throws(() => checkHandleOptions({ delivery: 'exactly-once' }), {
    code: 'MILL_INVALID_OPTION',
    message: /'at-least-once' or 'at-most-once'/,
  })
  t.throws(() => checkConsumeOptions(once), { code: 'MILL_UNKNOWN_OPTION' })
})

t.test('a handler is a file URL or an absolute path', async t => {
  t.equal(checkRunOptions({ handler: new URL('file:///a/b%20c.js?v=1') }).handler, 'file:///a/b%20c.js?v=1')
  t.equal(checkRunOptions({ handler: 'file:///a/b.js' }).handler, 'file:///a/b.js')
  t.equal(checkRunOptions({ handler: new URL(import.meta.url).pathname }).handler, import.meta.url)
})

t.test('any other handler is refused, with the line to write instead', async t => {
  const handlers = [
    undefined,
    null,
    '',
    './handler.js',
    'handler.js',
    '../handler.js',
    'http://x/handler.js',
    'node:fs',
    () => 1,
    {},
    new URL('https://x/handler.js'),
    'data:text/javascript,1',
    new URL('data:text/javascript,1'),
    'file://other/x.js',
    'file:///a%2fb.js',
  ]
  for (const bad of handlers) {
    t.throws(
      () => checkRunOptions({ handler: bad }),
      { code: 'MILL_HANDLER', message: /new URL\('\.\.?\/[\w.]+', import\.meta\.url\)/ },
      String(bad),
    )
  }
  t.throws(() => checkRunOptions(undefined), { code: 'MILL_HANDLER', message: /is missing/ })
})
