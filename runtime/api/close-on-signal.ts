/**
 * Closes a broker at a signal that ends its process, and then ends the process.
 *
 * The thread that made the broker; signals come to the main thread only. The first signal begins, a second one ends the
 * process at once. Bound: `timeoutMs` for all of it.
 */
import { constants } from 'node:os'
import { clearTimeout, nowMs, setTimeout } from '../../actors/world.ts'
import { toStderr } from '../base/stderr.ts'
import { TIMER_MS_MAX } from '../options/option-bounds.ts'
import { number } from '../options/option-rules.ts'
import { check, type Filled, type Given, type Table } from '../options/option-table.ts'
import type { Broker } from '../words/broker.ts'
import { MillraceError, toWire } from '../words/errors.ts'
import { show } from '../words/names.ts'

/** Options of `closeOnSignal`. */
export interface CloseOnSignalOptions {
  /** Called first, and awaited: stops publishing code, such as an HTTP server. Its error is written to stderr. */
  readonly before?: (() => unknown) | undefined
  /** Time limit for `before` and `broker.close` together, in ms; default 8,000, because Docker kills 10 s after SIGTERM. */
  readonly timeoutMs?: number | undefined
}

/** Removes the listeners; a closing that has begun continues. */
export interface StopListening extends Disposable {
  (): void
}

interface CheckedCloseOnSignalOptions extends Filled<CloseOnSignalOptions, 'before'>, Given {}

const OPTIONS: Table<CheckedCloseOnSignalOptions> = {
  before: { missing: () => undefined, check: beforeFunction },
  timeoutMs: number(1, TIMER_MS_MAX, 8_000),
}
const SIGNALS = ['SIGTERM', 'SIGINT'] as const
/** Share of `timeoutMs` that is left for the broker at least. */
const CLOSE_SHARE = 0.5

function beforeFunction(value: unknown, at: string): () => unknown {
  if (typeof value === 'function') return value as () => unknown
  throw new MillraceError('MILL_INVALID_OPTION', `\`${at}\` must be a function, not ${show(value)}`)
}

/**
 * Calls `before` at SIGTERM or SIGINT, closes the broker, and ends the process. The exit code is 0, or 1 after an
 * error, which is written to stderr. A second signal ends the process at once, with 128 and the signal's number.
 *
 * @returns a function that removes the listeners; they do not keep the process alive.
 * @throws MillraceError `MILL_UNKNOWN_OPTION`, `MILL_INVALID_OPTION`, `MILL_OUT_OF_RANGE`
 * @example
 * closeOnSignal(broker, { before: () => new Promise(done => server.close(done)) })
 */
export function closeOnSignal(broker: Broker, options?: CloseOnSignalOptions): StopListening {
  const checked = check<CheckedCloseOnSignalOptions>('closeOnSignal', OPTIONS, options)
  let isClosing = false
  const signalled = (signal: NodeJS.Signals): void => {
    if (isClosing) process.exit(128 + constants.signals[signal])
    isClosing = true
    void inGoodOrder(broker, checked).then(isGood => process.exit(isGood ? 0 : 1))
  }
  for (const signal of SIGNALS) process.on(signal, signalled)
  const stop = (): void => {
    if (isClosing) return
    for (const signal of SIGNALS) process.off(signal, signalled)
  }
  return Object.assign(stop, { [Symbol.dispose]: stop })
}

async function inGoodOrder(broker: Broker, { before, timeoutMs }: CheckedCloseOnSignalOptions): Promise<boolean> {
  const since = nowMs()
  const stopped = await told(
    'before',
    within(timeoutMs * (1 - CLOSE_SHARE), async () => before?.()),
  )
  const left = Math.max(1, timeoutMs - (nowMs() - since))
  return (await told('close', broker.close({ timeoutMs: left }))) && stopped
}

/** Whether it was done; if not, stderr has the reason. */
async function told(what: string, work: Promise<unknown>): Promise<boolean> {
  try {
    await work
    return true
  } catch (error) {
    toStderr(`millrace: closing on a signal: \`${what}\` failed: ${toWire(error).message}`)
    return false
  }
}

async function within(ms: number, work: () => Promise<unknown>): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise((_, reject) => {
    const why = `it took longer than ${Math.round(ms)} ms, and the broker is closed without it`
    timer = setTimeout(() => reject(new MillraceError('MILL_TIMEOUT', why)), ms)
  })
  try {
    return await Promise.race([work(), late])
  } finally {
    clearTimeout(timer)
  }
}
