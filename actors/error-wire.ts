/**
 * How an error becomes data, so that it crosses a thread with its code and cause.
 *
 * Leaf module, any thread; the pair is set once per thread, before the first call. `actors/` knows no error codes, so
 * the runtime sets its own pair. Invariants: `toWire` never throws and returns only values that structured clone takes;
 * a chain of causes is cut at CAUSES_MAX.
 */

import { inspect } from 'node:util'

/** An error as data: the least that every pair keeps. A pair may add fields of its own. */
export interface WireError {
  readonly name: string
  readonly message: string
  readonly stack?: string
  readonly code?: string | number
  readonly cause?: WireError
}

/** The two functions through which every error of this thread leaves and enters. */
export interface ErrorWire {
  toWire(error: unknown): WireError
  fromWire(wire: WireError): unknown
}

const CAUSES_MAX = 8

function plainToWire(error: unknown, depth: number): WireError {
  if (!(error instanceof Error)) {
    return { name: 'NonError', message: typeof error === 'string' ? error : inspect(error, { depth: 2 }) }
  }
  const code: unknown = 'code' in error ? error.code : undefined
  return {
    name: String(error.name),
    message: String(error.message),
    ...(typeof error.stack === 'string' ? { stack: error.stack } : {}),
    ...(typeof code === 'string' ? { code } : {}),
    ...(error.cause === undefined || depth >= CAUSES_MAX ? {} : { cause: plainToWire(error.cause, depth + 1) }),
  }
}

function plainFromWire(wire: WireError): Error {
  const error = new Error(wire.message, wire.cause === undefined ? undefined : { cause: plainFromWire(wire.cause) })
  // Defined, not assigned, so that they stay out of the enumerable fields, as on a native error.
  Object.defineProperty(error, 'name', { value: wire.name, configurable: true, writable: true })
  if (wire.stack !== undefined)
    Object.defineProperty(error, 'stack', { value: wire.stack, configurable: true, writable: true })
  if (wire.code !== undefined)
    Object.defineProperty(error, 'code', { value: wire.code, configurable: true, writable: true, enumerable: true })
  return error
}

const PLAIN: ErrorWire = { toWire: error => plainToWire(error, 0), fromWire: plainFromWire }

let current: ErrorWire = PLAIN

/** Sets this thread's pair; without an argument, the plain pair (name, message, stack, code, cause) again. */
export function setErrorWire(wire: ErrorWire = PLAIN): void {
  current = wire
}

/** `error` as data. Falls back to the plain pair when the thread's own pair throws: a hostile error must not hide itself. */
export function toWire(error: unknown): WireError {
  try {
    return current.toWire(error)
  } catch {
    try {
      return plainToWire(error, 0)
    } catch {
      return { name: 'Error', message: 'an error that cannot be read' }
    }
  }
}

/** The error that `wire` stands for. */
export function fromWire(wire: WireError): unknown {
  return current.fromWire(wire)
}
