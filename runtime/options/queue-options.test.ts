/** Options of queues and of their consumers: defaults, bounds, rules between two of them, and what is said of a mistake. */
import t from 'tap'
import { defineQueue } from './define.ts'
import {
  checkQueueConsumeOptions,
  checkQueueHandleOptions,
  checkQueueObserveOptions,
  checkQueueOptions,
  checkQueueRunOptions,
} from './queue-options.ts'

const KIB = 1_024
const CHECKS = {
  queue: checkQueueOptions,
  handle: checkQueueHandleOptions,
  run: checkQueueRunOptions,
  consume: checkQueueConsumeOptions,
  observe: checkQueueObserveOptions,
}

t.test('what is left out has its default', async t => {
  const { given, ...queue } = checkQueueOptions(undefined)
  t.strictSame([...given], [])
  t.strictSame(queue, {
    codec: 'json',
    maxMessageBytes: 64 * KIB,
    durability: undefined,
    priorities: 1,
    maxMessages: Number.POSITIVE_INFINITY,
    maxBytes: Number.POSITIVE_INFINITY,
    onFull: 'wait',
    messageTtlMs: Number.POSITIVE_INFINITY,
    dedupeMs: 0,
    dedupeMaxIds: undefined,
    attempts: 5,
    backoff: { initialMs: 100, maxMs: 10_000, jitter: 0.2 },
    deadLetter: undefined,
    singleActive: false,
    keyConcurrency: Number.POSITIVE_INFINITY,
    keyOrder: 'fifo',
    rate: undefined,
    sendRate: undefined,
    windowBytes: 512 * KIB,
  })
  const { given: _handle, ...handle } = checkQueueHandleOptions({})
  t.match(handle, {
    prefetch: undefined,
    concurrency: 1,
    handlerTimeoutMs: 30_000,
    delivery: 'at-least-once',
    consumerPriority: 0,
  })
  t.match(checkQueueConsumeOptions({}), { prefetch: 100, ackTimeoutMs: Number.POSITIVE_INFINITY, consumerPriority: 0 })
  t.match(checkQueueObserveOptions({}), { window: 100, ackTimeoutMs: Number.POSITIVE_INFINITY })
})

t.test('a queue has memory for twice its bytes, and for four of its largest messages', async t => {
  const windowOf = (options: object): number => checkQueueOptions(options).windowBytes / KIB
  t.equal(windowOf({ maxBytes: 300 * KIB }), 1_024)
  t.equal(windowOf({ maxBytes: 256 * KIB }), 512)
  t.equal(windowOf({ maxMessageBytes: 256 * KIB }), 2_048)
  t.equal(windowOf({ maxMessageBytes: 255 * KIB }), 1_024)
  t.equal(windowOf({ maxMessageBytes: 1_024, maxBytes: 4 * KIB }), 8)
})

t.test('a queue that is to be small has smaller messages, if nothing is said of them', async t => {
  t.match(checkQueueOptions({ maxBytes: 8_192 }), { maxBytes: 8_192, maxMessageBytes: 8_192 - 154 })
  t.match(checkQueueOptions({ maxBytes: 8_192, maxMessageBytes: 8_038 }), { maxMessageBytes: 8_038 })
  t.match(checkQueueOptions({ maxBytes: 100_000 }), { maxMessageBytes: 64 * KIB })
})

t.test('what makes room by dropping has a bound to keep', async t => {
  t.equal(checkQueueOptions({ onFull: 'dropHead' }).maxBytes, 256 * KIB)
  t.equal(checkQueueOptions({ onFull: 'dropHead', maxMessageBytes: 300 * KIB }).maxBytes, 300 * KIB + 154)
  t.equal(checkQueueOptions({ onFull: 'reject' }).maxBytes, Number.POSITIVE_INFINITY)
})

t.test('a value out of range names its field and its range', async t => {
  const wrong: readonly (readonly [keyof typeof CHECKS, object, RegExp])[] = [
    ['queue', { priorities: 0 }, /`priorities` must be an integer from 1 to 32, not 0/],
    ['queue', { priorities: 33 }, /`priorities` .* from 1 to 32, not 33/],
    ['queue', { priorities: 1.5 }, /`priorities` .* from 1 to 32, not 1.5/],
    ['queue', { maxMessages: 0 }, /`maxMessages` .* from 1 to 1,000,000, or Infinity, not 0/],
    ['queue', { maxMessages: Number.NaN }, /`maxMessages` .* not NaN/],
    ['queue', { maxBytes: 4_095 }, /`maxBytes` .* from 4,096 to 134,217,728, not 4095/],
    [
      'queue',
      { maxBytes: 8_192, maxMessageBytes: 8_039 },
      /`maxBytes` must be from 8,193 \(`maxMessageBytes` and 154\) .*not 8,192: raise it, or lower `maxMessageBytes`/,
    ],
    ['queue', { maxBytes: Number.POSITIVE_INFINITY }, /`maxBytes` .* not Infinity/],
    ['queue', { dedupeMs: -1 }, /`dedupeMs` .* from 0 to 8,640,000,000,000,000, not -1/],
    ['queue', { dedupeMs: 0.5 }, /`dedupeMs` must be an integer .*, not 0.5/],
    ['queue', { dedupeMs: Number.POSITIVE_INFINITY }, /`dedupeMs` .* not Infinity/],
    ['queue', { dedupeMaxIds: 0 }, /`dedupeMaxIds` .* from 1 to 10,000,000, not 0/],
    ['queue', { dedupeMaxIds: 10_000_001 }, /`dedupeMaxIds` .* not 10000001/],
    [
      'queue',
      { maxBytes: 10_000, maxMessageBytes: 9_700, dedupeMs: 1 },
      /`maxBytes` .* from 10,134 \(`maxMessageBytes` and 434\)/,
    ],
    ['queue', { keyConcurrency: 0 }, /`keyConcurrency` .* from 1 to 1,000,000, or Infinity, not 0/],
    ['queue', { keyConcurrency: 1.5 }, /`keyConcurrency` .* not 1.5/],
    ['queue', { rate: { max: 0, perMs: 1 } }, /`rate.max` .* from 1 to 1,000,000, not 0/],
    ['queue', { rate: { max: 1, perMs: 0 } }, /`rate.perMs` .* from 1 to 2,147,483,647, not 0/],
    ['queue', { messageTtlMs: 0 }, /`messageTtlMs` .* from 1 to 8,640,000,000,000,000, or Infinity, not 0/],
    ['queue', { messageTtlMs: Number.NaN }, /`messageTtlMs` .* not NaN/],
    ['queue', { attempts: 0 }, /`attempts` .* from 1 to 1,000, or Infinity, not 0/],
    ['queue', { attempts: 1_001 }, /`attempts` .* from 1 to 1,000, or Infinity, not 1001/],
    ['queue', { maxMessageBytes: 0 }, /`maxMessageBytes` .* from 1 to 16,777,216, not 0/],
    ['queue', { backoff: { initialMs: 50, maxMs: 10 } }, /`backoff.maxMs` must be at least `backoff.initialMs` \(50\)/],
    ['handle', { prefetch: 0 }, /`prefetch` .* from 1 to 1,000, not 0/],
    ['run', { handler: '/x.js', prefetch: 1_001 }, /`prefetch` .* from 1 to 1,000, not 1001/],
    ['consume', { prefetch: -1 }, /`prefetch` .* from 1 to 1,000, not -1/],
    ['observe', { window: 1_001 }, /`window` .* from 1 to 1,000, not 1001/],
    ['consume', { ackTimeoutMs: 0 }, /`ackTimeoutMs` .* from 1 to 2,147,483,647, or Infinity, not 0/],
    ['handle', { consumerPriority: 1_001 }, /`consumerPriority` .* from -1,000 to 1,000, not 1001/],
    ['handle', { concurrency: 257 }, /`concurrency` .* from 1 to 256, not 257/],
  ]
  for (const [kind, options, message] of wrong)
    t.throws(() => CHECKS[kind](options), { code: 'MILL_OUT_OF_RANGE', message })
})

t.test('a value of another kind is refused', async t => {
  const wrong: readonly (readonly [keyof typeof CHECKS, object, RegExp])[] = [
    ['queue', { priorities: '3' }, /`priorities` must be an integer .*, not "3"/],
    ['queue', { messageTtlMs: '5' }, /`messageTtlMs` must be a number .*, not "5"/],
    ['queue', { singleActive: 1 }, /`singleActive` must be true or false, not 1/],
    ['queue', { onFull: 'dropOldest' }, /`onFull` must be 'wait' or 'reject' or 'dropHead', not "dropOldest"/],
    ['queue', { deadLetter: true }, /`deadLetter` must be a topic name, not true/],
    ['queue', { sendRate: 5 }, /`sendRate`/],
    ['queue', { rate: 5 }, /`rate`/],
    ['queue', { rate: { max: 5 } }, /`rate.perMs`/],
    ['queue', { keyConcurrency: '1' }, /`keyConcurrency` must be an integer .*, not "1"/],
    ['queue', { keyConcurrency: 1, keyOrder: 'lifo' }, /`keyOrder` must be 'fifo' or 'fair', not "lifo"/],
    ['queue', { keyOrder: 'fair' }, /`keyOrder: 'fair'` needs a `keyConcurrency`/],
    ['queue', { keyOrder: 'fair', keyConcurrency: Number.POSITIVE_INFINITY }, /needs a `keyConcurrency`/],
    ['handle', { delivery: 'at-most-once', batch: {} }, /`batch` is for `delivery: 'at-least-once'`/],
    ['handle', { signal: {} }, /`signal` must be an AbortSignal/],
  ]
  for (const [kind, options, message] of wrong)
    t.throws(() => CHECKS[kind](options), { code: 'MILL_INVALID_OPTION', message })
})

t.test('a misspelt option is told the right one', async t => {
  const wrong: readonly (readonly [keyof typeof CHECKS, object, RegExp])[] = [
    ['queue', { priorites: 2 }, /unknown option `priorites`: did you mean `priorities`\?/],
    ['queue', { windowBytes: 65_536 }, /unknown option `windowBytes`/],
    ['handle', { prefech: 1 }, /unknown option `prefech`: did you mean `prefetch`\?/],
    ['consume', { ackTimoutMs: 1 }, /did you mean `ackTimeoutMs`\?/],
    ['consume', { attempts: 3 }, /unknown option `attempts`/],
  ]
  for (const [kind, options, message] of wrong)
    t.throws(() => CHECKS[kind](options), { code: 'MILL_UNKNOWN_OPTION', message })
})

t.test('dead letters may go nowhere, whatever the attempts', async t => {
  t.match(checkQueueOptions({ deadLetter: false }), { deadLetter: false, attempts: 5 })
})

t.test('a definition has the options that were given, and no others', async t => {
  t.strictSame(defineQueue('jobs', { priorities: 3, onFull: 'dropHead' }), {
    name: 'jobs',
    options: { priorities: 3, onFull: 'dropHead' },
  })
  t.throws(() => defineQueue('a/b'), { code: 'MILL_INVALID_NAME', message: /queue name "a\/b"/ })
  t.throws(() => defineQueue('jobs', { priorities: 40 }), { code: 'MILL_OUT_OF_RANGE' })
})
