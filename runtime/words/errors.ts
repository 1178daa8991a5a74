/**
 * Every error that millrace throws at its callers, and how errors cross threads.
 *
 * Leaf module, any thread. A code is stable: it is added to ERRORS.md when it is added here (a test compares the two).
 * Invariants: `fromWire(toWire(e))` keeps class, code, message, stack, cause and retriable, within the bounds below;
 * `toWire` never throws, whatever was thrown. What a FullError refused and what a batch left unpublished do not
 * travel: the thread that published still holds those messages.
 */
import { inspect, types } from 'node:util'

export const ALL_ERROR_CODES = [
  'MILL_ABORTED',
  'MILL_CLOSED',
  'MILL_CONFIG_MISMATCH',
  'MILL_CORRUPT',
  'MILL_DEADLOCK',
  'MILL_DECODE',
  'MILL_DISK',
  'MILL_FULL',
  'MILL_GAVE_UP',
  'MILL_GROUP_BUSY',
  'MILL_HANDLER',
  'MILL_INVALID_NAME',
  'MILL_INVALID_OPTION',
  'MILL_LOCKED',
  'MILL_MEMORY',
  'MILL_OFFSET_GONE',
  'MILL_OUT_OF_RANGE',
  'MILL_REJECTED',
  'MILL_SETTLED',
  'MILL_THREAD_LOST',
  'MILL_TIMEOUT',
  'MILL_TOO_LARGE',
  'MILL_TOPIC_DELETED',
  'MILL_UNKNOWN_OPTION',
  'MILL_UNPUBLISHED',
  'MILL_UNSERIALISABLE',
  'MILL_UNSUPPORTED',
] as const

export type ErrorCode = (typeof ALL_ERROR_CODES)[number]

const MESSAGE_BYTES_MAX = 4 * 1_024
const STACK_BYTES_MAX = 8 * 1_024
const LABEL_BYTES_MAX = 256
/** Causes and errors of an AggregateError below the error itself, all together; a cycle of causes ends here too. */
const CAUSES_MAX = 5
const ELLIPSIS = '…'
const ELLIPSIS_BYTES = 3

const BRAND = Symbol.for('millrace.error')

export interface MillraceErrorOptions {
  readonly cause?: unknown
  readonly retriable?: boolean
}

/** The base of all errors thrown by millrace; `code` says which, `retriable` whether the same call may succeed later. */
export class MillraceError extends Error {
  readonly code: ErrorCode
  readonly retriable: boolean

  constructor(code: ErrorCode, message: string, options: MillraceErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'MillraceError'
    this.code = code
    this.retriable = options.retriable ?? false
  }

  static {
    // On the prototype, so that a logged error shows its code and not its brand.
    Object.defineProperty(MillraceError.prototype, BRAND, { value: true })
  }
}

/** The partition is full; `refused` is the message, handed back. */
export class FullError extends MillraceError {
  readonly refused: unknown

  constructor(message: string, refused: unknown) {
    super('MILL_FULL', message, { retriable: true })
    this.name = 'FullError'
    this.refused = refused
  }
}

/**
 * A batch was appended in part or not at all. `unpublished` lists the messages that were not appended, in order; they can be
 * published again. `unknown` lists, in order, those that were on their way when the batch failed and may still be appended.
 */
export class UnpublishedError extends MillraceError {
  declare readonly unpublished: readonly unknown[]
  declare readonly unknown: readonly unknown[]

  constructor(
    message: string,
    unpublished: readonly unknown[],
    unknown: readonly unknown[],
    cause: unknown,
    retriable = true,
  ) {
    super('MILL_UNPUBLISHED', message, { cause, retriable })
    this.name = 'UnpublishedError'
    // Not shown by console.log, or the log of an error would be a dump of up to a whole batch.
    Object.defineProperty(this, 'unpublished', { value: unpublished })
    Object.defineProperty(this, 'unknown', { value: unknown })
  }
}

/** Thrown by a handler to say that a record can never be processed: it is dead-lettered at once, without retry. */
export class RejectError extends MillraceError {
  constructor(reason = 'rejected by the handler', options: { readonly cause?: unknown } = {}) {
    super('MILL_REJECTED', reason, options)
    this.name = 'RejectError'
  }
}

/** The error that has this code, with what it carries. */
export type ErrorOf<C extends ErrorCode> = { readonly code: C } & ([C] extends ['MILL_FULL']
  ? FullError
  : [C] extends ['MILL_UNPUBLISHED']
    ? UnpublishedError
    : MillraceError)

/** Whether `error` is one of ours, from whichever copy of the package or thread, and (if given) has this code. */
export function isMillraceError<C extends ErrorCode = ErrorCode>(error: unknown, code?: C): error is ErrorOf<C> {
  // Whatever was thrown may be a proxy: a look at it can throw, and then it is none of ours.
  if (read(error, BRAND) !== true) return false
  return code === undefined || read(error, 'code') === code
}

/** What a failure means for its record: whether it was rejected, does not decode, or may be tried again. */
export function failureOf(error: unknown): 'rejected' | 'decode' | 'failed' {
  if (isMillraceError(error, 'MILL_REJECTED')) return 'rejected'
  return isMillraceError(error, 'MILL_DECODE') ? 'decode' : 'failed'
}

/** An error as plain data: survives `postMessage`, and fits in 75 KiB with all its causes. */
export interface ErrorWire {
  readonly name: string
  readonly message: string
  /** Missing when something without a stack was thrown. */
  readonly stack?: string
  readonly code?: string | number
  readonly retriable: boolean
  /** A cause that is no error has become one, whose message shows it. */
  readonly cause?: ErrorWire
  /** Of an AggregateError: as many as the bound on causes leaves room for. */
  readonly errors?: readonly ErrorWire[]
}

/** Turns whatever was thrown into data that crosses threads. Never throws; text beyond its bound ends in `…`. */
export function toWire(error: unknown): ErrorWire {
  return wireOf(error, { left: CAUSES_MAX })
}

/** Makes an error of the class that its code names, or a plain `Error` with name and code. */
export function fromWire(wire: ErrorWire): Error {
  const error = revive(wire, wire.cause === undefined ? undefined : fromWire(wire.cause))
  if (error.name !== wire.name) error.name = wire.name
  // The stack of this call would point at us rather than at the fault.
  error.stack = wire.stack ?? `${wire.name}: ${wire.message}`
  return error
}

function revive(wire: ErrorWire, cause: Error | undefined): Error {
  const { code, message, retriable } = wire
  switch (code) {
    case 'MILL_FULL':
      return new FullError(message, undefined)
    case 'MILL_UNPUBLISHED':
      return new UnpublishedError(message, [], [], cause)
    case 'MILL_REJECTED':
      return new RejectError(message, { cause })
  }
  if (isErrorCode(code)) return new MillraceError(code, message, { cause, retriable })
  const options = cause === undefined ? undefined : { cause }
  const errors = wire.errors?.map(fromWire)
  const error = errors === undefined ? new Error(message, options) : new AggregateError(errors, message, options)
  return code === undefined ? error : Object.assign(error, { code })
}

function isErrorCode(code: unknown): code is ErrorCode {
  return (ALL_ERROR_CODES as readonly unknown[]).includes(code)
}

function wireOf(thrown: unknown, budget: { left: number }): ErrorWire {
  const name = read(thrown, 'name')
  const message = messageOf(thrown)
  const boundedMessage = shorten(message, MESSAGE_BYTES_MAX)
  const stack = read(thrown, 'stack')
  const code = ownCode(thrown)
  const cause = budget.left === 0 ? undefined : read(thrown, 'cause')
  if (cause !== undefined) budget.left--
  const causeWire = cause === undefined ? undefined : wireOf(cause, budget)
  const errors = errorsOf(thrown, budget)
  return {
    name: typeof name === 'string' && name !== '' ? shorten(name, LABEL_BYTES_MAX) : 'Error',
    message: boundedMessage,
    retriable: read(thrown, 'retriable') === true,
    // A stack repeats the message; unless that is cut there too, a long one would leave no room for the frames.
    ...(typeof stack === 'string' && {
      stack: shorten(
        stack.replace(message, () => boundedMessage),
        STACK_BYTES_MAX,
      ),
    }),
    ...(code !== undefined && { code }),
    ...(causeWire !== undefined && { cause: causeWire }),
    ...(errors.length > 0 && { errors }),
  }
}

/** What an AggregateError holds; what other libraries keep in a field of that name are no errors. */
function errorsOf(thrown: unknown, budget: { left: number }): ErrorWire[] {
  const given = read(thrown, 'errors')
  const errors: ErrorWire[] = []
  try {
    if (!Array.isArray(given)) return errors
    for (const error of given) {
      if (budget.left === 0) break
      if (!types.isNativeError(error)) continue
      budget.left--
      errors.push(wireOf(error, budget))
    }
  } catch {
    // A stranger's array that cannot be looked at.
  }
  return errors
}

function messageOf(thrown: unknown): string {
  if (typeof thrown === 'string') return thrown
  const message = read(thrown, 'message')
  if (typeof message === 'string') return message
  try {
    const shown = inspect(thrown, {
      depth: 0,
      customInspect: false,
      maxArrayLength: 10,
      maxStringLength: LABEL_BYTES_MAX,
    })
    return `thrown value: ${shown}`
  } catch {
    return 'thrown value: one that cannot be shown'
  }
}

function ownCode(thrown: unknown): string | number | undefined {
  try {
    if (!isObject(thrown) || !Object.hasOwn(thrown, 'code')) return undefined
  } catch {
    return undefined
  }
  const code = read(thrown, 'code')
  if (typeof code === 'string') return shorten(code, LABEL_BYTES_MAX)
  return typeof code === 'number' ? code : undefined
}

/** A property of a stranger's object, which may be a proxy or a getter that throws. */
function read(target: unknown, property: PropertyKey): unknown {
  if (!isObject(target)) return undefined
  try {
    return Reflect.get(target, property)
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}

/** The longest start of `text` that fits in `bytesMax` bytes of UTF-8, between characters. */
function shorten(text: string, bytesMax: number): string {
  if (text.length * 3 <= bytesMax) return text
  if (text.length <= bytesMax && Buffer.byteLength(text) <= bytesMax) return text
  const { read: charsRead } = new TextEncoder().encodeInto(
    text.slice(0, bytesMax),
    new Uint8Array(bytesMax - ELLIPSIS_BYTES),
  )
  return text.slice(0, charsRead) + ELLIPSIS
}
