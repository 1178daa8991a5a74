import fc from 'fast-check'
import t from 'tap'
import { hostileText, units } from '../proof/fixtures/text.fixture.ts'
import type { BrokerEvents } from '../words/broker-events.ts'
import { MillraceError } from '../words/errors.ts'
import { Events } from './events.ts'

/** One event of each kind, with this text wherever text of others can stand. */
function eventsWith(text: string): { readonly [E in keyof BrokerEvents]: BrokerEvents[E] } {
  const at = { topic: text, partition: 0, group: text }
  const error = new MillraceError('MILL_DISK', text)
  return {
    stalled: { ...at, waitedMs: 5_000, lagBytes: 1, deadLetterTopic: text },
    restarted: { kind: 'handler', group: text, topic: text, thread: 1, reason: text as 'hung', restarts: 1 },
    passedOver: { ...at, from: 0, to: 1, records: 1 },
    deadLettered: { ...at, offset: 0, reason: 'failed', message: text, stack: `${text}\n at ${text}` },
    dropped: { topic: text, partition: 0, records: 1, dropped: 1 },
    attemptFailed: { ...at, offset: 0, failedAttempts: 1, failures: 2, message: text, stack: `${text}\n at ${text}` },
    looping: { queue: text, id: text, deliveryAttempts: 100, failedAttempts: 0 },
    windowFull: { topic: text, group: text, window: 1, waitedMs: 5_000 },
    loopLeft: { topic: text, group: text, deliveries: 1 },
    lingering: { topic: text, group: text, runs: 2 },
    deadLetterDepth: { topic: text, depth: 1, threshold: 1, rising: true, filled: 0.5 },
    parked: { ...at, offset: 0, replayed: 16 } as BrokerEvents['parked'],
    recovered: { file: text, position: 0, reason: text } as BrokerEvents['recovered'],
    ticksUnsent: { schedule: text, reason: 'refused', ticks: 1, first: new Date(0), last: new Date(0), error },
    scheduleFailed: { schedule: text, error, retries: false },
    failed: { topic: text, group: text, error },
    publishFailed: { topic: text, partition: 0, count: 1, error },
  }
}

t.test('whatever text an event carries, its line is one line that does nothing to a terminal', async t => {
  fc.assert(
    fc.property(fc.oneof(hostileText(), fc.constant('\n'.repeat(2_000))), text => {
      const lines: string[] = []
      const events = new Events({ warn: line => lines.push(line), error: line => lines.push(line) })
      const payloads = eventsWith(text)
      const kinds = Object.keys(payloads) as (keyof BrokerEvents)[]
      for (const kind of kinds) events.emit(kind, payloads[kind])
      if (lines.length !== kinds.length) t.fail(`${lines.length} lines of ${kinds.length} events`)
      const odd = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\ufeff]/u
      for (const line of lines) if (odd.test(line) || line.length > 1_000) t.fail(units(line))
    }),
  )
  t.pass()
})

t.test('a line about a queue speaks of its messages', async t => {
  const lines: string[] = []
  const events = new Events({ warn: line => lines.push(line), error: line => lines.push(line) })
  const of = { topic: 'jobs', queue: 'jobs', group: 'queue', partition: 0 }
  const error = { message: 'no', stack: null }
  events.emit('attemptFailed', { ...of, ...error, offset: 3, failedAttempts: 1, failures: 1 })
  events.emit('deadLettered', { ...of, ...error, offset: 4, reason: 'rejected' })
  events.emit('stalled', { ...of, waitedMs: 0, lagBytes: 1, deadLetterTopic: 'jobs.dlq' })
  events.emit('restarted', { ...of, kind: 'handler', thread: 1, reason: 'exited', restarts: 1 })
  events.emit('windowFull', { ...of, window: 8, waitedMs: 5_000 })
  t.strictSame(
    lines.map(line => line.slice('millrace: '.length, 70)),
    [
      'message 3 of queue jobs failed, attempt 1: no',
      'message 4 of queue jobs was dead-lettered as rejected: no',
      'queue jobs has dead letters to write: dead-letter topic jobs',
      'handler thread 1 of queue jobs exited and is started again',
      'all 8 deliveries that a consumer of queue jobs may have in h',
    ],
  )
  const later = new Events({ warn: line => lines.push(line), error: line => lines.push(line) })
  later.emit('stalled', { ...of, waitedMs: 5_000, lagBytes: 1, deadLetterTopic: null })
  t.equal(lines.at(-1), 'millrace: sending to queue jobs, which is full, has waited 5000 ms')
  t.notOk(lines.some(line => line.includes('group')))
})

t.test('lines of two groups do not push each other out, and what was left out is counted at the end', async t => {
  const lines: string[] = []
  const events = new Events({ warn: line => lines.push(line), error: line => lines.push(line) })
  const failed = (group: string, stack: string | null): void =>
    events.emit('attemptFailed', { ...eventsWith('x').attemptFailed, group, failures: 1, message: 'no', stack })
  failed(
    'a',
    'Error: no\n    at work (file:///app.js:3:9)\n    at m (file:///m/delivery/load-handler.js:1:1)\n    at far',
  )
  failed('a', null)
  failed('b', null)
  failed('a', null)
  t.strictSame(lines, [
    'millrace: group a failed at x/0 offset 0, attempt 1: no at work (file:///app.js:3:9)',
    'millrace: group b failed at x/0 offset 0, attempt 1: no',
  ])
  events.close()
  events.close()
  t.match(lines.slice(2), [/^millrace: and 2 more lines like this: group a failed at .*: no at work/])
})

t.test('listeners get text as it is', async t => {
  const events = new Events(false)
  const heard: string[] = []
  events.on('deadLettered', ({ message }) => heard.push(message))
  events.emit('deadLettered', eventsWith('a\n\u001b').deadLettered)
  t.strictSame(heard, ['a\n\u001b'])
})

t.test('what ends something is told as an error, all else as a warning', async t => {
  const levels = new Map<keyof BrokerEvents, string>()
  const payloads = eventsWith('x')
  for (const kind of Object.keys(payloads) as (keyof BrokerEvents)[]) {
    const events = new Events({ warn: () => levels.set(kind, 'warn'), error: () => levels.set(kind, 'error') })
    events.emit(kind, payloads[kind])
  }
  t.equal(levels.size, Object.keys(payloads).length)
  t.strictSame(
    [...levels].filter(([, level]) => level === 'error').map(([kind]) => kind),
    ['scheduleFailed', 'failed', 'publishFailed'],
  )
})

t.test('an event that there is none of is refused with the names of those that there are', async t => {
  const events = new Events(false)
  const on = (name: unknown) => () => events.on(name as 'failed', () => undefined)
  t.throws(on('faild'), { code: 'MILL_UNKNOWN_OPTION', message: /did you mean 'failed'\?/ })
  t.throws(on('toString'), { code: 'MILL_UNKNOWN_OPTION', message: /there are stalled, restarted, .*, publishFailed$/ })
  t.throws(on(7), { code: 'MILL_UNKNOWN_OPTION' })
})
