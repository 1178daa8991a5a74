/**
 * Every error that millrace throws at its callers, and how errors cross threads.
 *
 * Leaf module, any thread. A code is stable: it is added to ERRORS.md when it is added here (a test compares the two).
 * Invariant: `fromWire(toWire(e))` keeps class, code, message, stack, cause and retriable.
 */

export type ErrorCode =
  | 'MILL_ABORTED'
  | 'MILL_CLOSED'
  | 'MILL_CONFIG_MISMATCH'
  | 'MILL_DECODE'
  | 'MILL_FULL'
  | 'MILL_GAVE_UP'
  | 'MILL_GROUP_BUSY'
  | 'MILL_HANDLER'
  | 'MILL_INVALID_NAME'
  | 'MILL_INVALID_OPTION'
  | 'MILL_MEMORY'
  | 'MILL_OUT_OF_RANGE'
  | 'MILL_REJECTED'
  | 'MILL_SETTLED'
  | 'MILL_THREAD_LOST'
  | 'MILL_TIMEOUT'
  | 'MILL_TOO_LARGE'
  | 'MILL_UNKNOWN_OPTION'
  | 'MILL_UNPUBLISHED'
  | 'MILL_UNSERIALISABLE'

const BRAND = Symbol.for('millrace.error')

export interface MillraceErrorOptions {
  readonly cause?: unknown
  readonly retriable?: boolean
}

/** The base of all errors thrown by millrace; `code` says which, `retriable` whether the same call may succeed later. */
export class MillraceError extends Error {
  readonly code: ErrorCode
  readonly retriable: boolean
  readonly [BRAND] = true as const

  constructor(code: ErrorCode, message: string, options: MillraceErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'MillraceError'
    this.code = code
    this.retriable = options.retriable ?? false
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

/** A batch was appended in part or not at all; `unpublished` lists the messages that were not, in order. */
export class UnpublishedError extends MillraceError {
  readonly unpublished: readonly unknown[]

  constructor(message: string, unpublished: readonly unknown[], cause: unknown) {
    super('MILL_UNPUBLISHED', message, { cause, retriable: true })
    this.name = 'UnpublishedError'
    this.unpublished = unpublished
  }
}

/** Thrown by a handler to say that a record can never be processed: it is dead-lettered at once, without retry. */
export class RejectError extends MillraceError {
  constructor(reason = 'rejected by the handler', options: { readonly cause?: unknown } = {}) {
    super('MILL_REJECTED', reason, options)
    this.name = 'RejectError'
  }
}

/** Whether `error` is one of ours, from whichever copy of the package or thread, and (if given) has this code. */
export function isMillraceError<C extends ErrorCode = ErrorCode>(error: unknown, code?: C): error is MillraceError & { readonly code: C } {
  if (typeof error !== 'object' || error === null || !(BRAND in error)) return false
  return code === undefined || (error as MillraceError).code === code
}
