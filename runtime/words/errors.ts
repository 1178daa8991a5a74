/**
 * Every error that millrace throws at its callers, and the form in which errors cross threads.
 *
 * Leaf module, any thread. Invariants: `fromWire(toWire(e))` keeps class, code, message, stack, cause and retriable, within the bounds
 * below. `toWire` never throws, whatever was thrown. The messages of a FullError or an UnpublishedError do not cross: the publishing
 * thread still holds them.
 */
import { inspect, types } from 'node:util'
import { ALL_ERROR_CODES, type ErrorCode } from './error-codes.ts'
import type { RequestFailure } from './queue-request.ts'
import { shorten } from './shorten.ts'

const MESSAGE_BYTES_MAX = 4 * 1_024
const STACK_BYTES_MAX = 8 * 1_024
const LABEL_BYTES_MAX = 256
/** Number of causes and errors of an AggregateError below the error itself; a cycle of causes ends here too. */
const CAUSES_MAX = 5

const BRAND = Symbol.for('millrace.error')

/** Options of a new `MillraceError`. */
export interface MillraceErrorOptions {
  /** Cause of the error; default: none. */
  readonly cause?: unknown
  /** Whether the same call may succeed later; default false. */
  readonly retriable?: boolean
}

/** The base of all errors thrown by millrace. */
export class MillraceError extends Error {
  /** Stable code of the error. */
  readonly code: ErrorCode
  /** Whether the same call may succeed later. */
  readonly retriable: boolean

  /** Makes an error with this code and message. */
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

/** Error of a full partition, or of a producer that has used up its rate (`MILL_FULL`). */
export class FullError extends MillraceError {
  /** The message that was not taken; `undefined` if the error came from another thread. */
  readonly refused: unknown
  /** Time after which the rate allows the next one, in ms; `undefined` for any other reason, and if the error came from another thread. */
  declare readonly retryAfterMs: number | undefined
  /** Makes an error that hands `refused` back. */
  constructor(message: string, refused: unknown, retryAfterMs?: number) {
    super('MILL_FULL', message, { retriable: true })
    this.name = 'FullError'
    this.refused = refused
    if (retryAfterMs !== undefined) this.retryAfterMs = retryAfterMs
  }
}

/** Error of a batch that was appended in part or not at all (`MILL_UNPUBLISHED`). Both lists are empty if it came from another thread. */
export class UnpublishedError extends MillraceError {
  /** Messages that were not appended, in order. They can be published again. */
  declare readonly unpublished: readonly unknown[]
  /** Messages that were on their way when the batch failed, in order. They may still be appended. */
  declare readonly unknown: readonly unknown[]

  /** Makes an error with these lists. */
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

/** Error of a message that some targets of an exchange have and others have not (`MILL_PARTLY_ROUTED`). All lists are empty if it came from another thread. */
export class PartlyRoutedError extends MillraceError {
  /** Names of the queues and topics that have the message. */
  readonly taken: readonly string[]
  /** Names of those that have refused it. */
  readonly refused: readonly string[]
  /** Names of those of which it is not known: the message was on its way to them. */
  readonly unknown: readonly string[]

  /** Makes an error with these lists. */
  constructor(
    message: string,
    taken: readonly string[],
    refused: readonly string[],
    unknown: readonly string[],
    cause: unknown,
  ) {
    super('MILL_PARTLY_ROUTED', message, { cause })
    this.name = 'PartlyRoutedError'
    this.taken = taken
    this.refused = refused
    this.unknown = unknown
  }
}

/** Thrown by a handler for a record that can never be processed: the record is dead-lettered at once, without retry. */
export class RejectError extends MillraceError {
  /** Makes an error whose `reason` is kept in the dead letter. */
  constructor(reason = 'rejected by the handler', options: { readonly cause?: unknown } = {}) {
    super('MILL_REJECTED', reason, options)
    this.name = 'RejectError'
  }
}

/** Error of a request that has no answer (`MILL_REQUEST_FAILED`). Its `cause` is the error of the handler, if that failed. */
export class RequestError extends MillraceError {
  /** Why there is none; `undefined` if the error came from another thread. */
  readonly reason: RequestFailure | undefined

  /** Makes an error with this reason. */
  constructor(message: string, reason: RequestFailure | undefined, cause?: unknown) {
    super('MILL_REQUEST_FAILED', message, { cause })
    this.name = 'RequestError'
    this.reason = reason
  }
}

/** The class of errors with this code. For several codes it is a union, which `switch (error.code)` narrows. */
export type ErrorOf<C extends ErrorCode> = C extends ErrorCode
  ? Readonly<Record<'code', C>> &
      (C extends 'MILL_FULL'
        ? FullError
        : C extends 'MILL_REQUEST_FAILED'
          ? RequestError
          : C extends 'MILL_UNPUBLISHED'
            ? UnpublishedError
            : C extends 'MILL_PARTLY_ROUTED'
              ? PartlyRoutedError
              : MillraceError)
  : never

/** Whether `error` is a MillraceError, from any copy of the package or thread, and has this code, if one is given. */
export function isMillraceError<C extends ErrorCode = ErrorCode>(error: unknown, code?: C): error is ErrorOf<C> {
  // A thrown value may be a proxy: reading it can throw, and then it is no MillraceError.
  if (read(error, BRAND) !== true) return false
  return code === undefined || read(error, 'code') === code
}

/** Kind of a failure: the record was rejected, does not decode, or may be retried. */
export function failureOf(error: unknown): 'rejected' | 'decode' | 'failed' {
  if (isMillraceError(error, 'MILL_REJECTED')) return 'rejected'
  return isMillraceError(error, 'MILL_DECODE') ? 'decode' : 'failed'
}

/** An error as plain data: survives `postMessage`, and fits in 75 KiB with all its causes. */
export interface ErrorWire {
  /** Name of the error. */
  readonly name: string
  /** Message of the error, 4 KiB at most. */
  readonly message: string
  /** Stack of the error, 8 KiB at most; missing when the thrown value had none. */
  readonly stack?: string
  /** Code of the error; missing when it had none. */
  readonly code?: string | number
  /** Whether the same call may succeed later. */
  readonly retriable: boolean
  /** Cause of the error. A cause that is no error becomes an error whose message shows it. */
  readonly cause?: ErrorWire
  /** Errors of an AggregateError, as many as the bound on causes allows. */
  readonly errors?: readonly ErrorWire[]
}

/** Turns whatever was thrown into data that crosses threads. Never throws; text beyond its bound ends in `…`. */
export function toWire(error: unknown): ErrorWire {
  return wireOf(error, { left: CAUSES_MAX })
}

/** Makes an error of the class of its code, or a plain `Error` with name and code. */
export function fromWire(wire: ErrorWire): Error {
  const error = revive(wire, wire.cause === undefined ? undefined : fromWire(wire.cause))
  if (error.name !== wire.name) error.name = wire.name
  // The stack of this call would point here instead of at the fault.
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
    case 'MILL_REQUEST_FAILED':
      return new RequestError(message, undefined, cause)
    case 'MILL_PARTLY_ROUTED':
      return new PartlyRoutedError(message, [], [], [], cause)
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

/** The errors of an AggregateError. Other libraries store other things in a field of that name. */
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
    // A foreign array that cannot be read.
  }
  return errors
}

function messageOf(thrown: unknown): string {
  if (typeof thrown === 'string') return thrown
  const message = read(thrown, 'message')
  if (typeof message === 'string') return message
  try {
    const bounds = { depth: 0, maxArrayLength: 10, maxStringLength: LABEL_BYTES_MAX }
    return `thrown value: ${inspect(thrown, { ...bounds, customInspect: false })}`
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

/** A property of a foreign object, which may be a proxy or a getter that throws. */
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
