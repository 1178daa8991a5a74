/**
 * Results of handlers: any promise, or a foreign object that throws when it is read. Examples are a revoked proxy (a
 * draft of Immer after its producer), a getter, a trap. Leaf, the handling thread.
 */

import { types } from 'node:util'

/**
 * Whether a result may be a promise. Only reading it can tell. A value that cannot be read is taken for a promise that
 * rejects.
 */
export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && looksLike(value) !== 'no promise'
}

/** Whether reading a result throws, so that its kind is unknown. */
export function isUnseen(value: unknown): boolean {
  return typeof value === 'object' && value !== null && looksLike(value) === 'unseen'
}

function looksLike(value: object): 'a promise' | 'no promise' | 'unseen' {
  try {
    const isOne = value instanceof Promise || typeof (value as { then?: unknown }).then === 'function'
    return isOne ? 'a promise' : 'no promise'
  } catch {
    return 'unseen'
  }
}

/**
 * A promise with the language's own `then`, which calls back once, later, and does not throw. A promise of this realm
 * is one already. Any other value may call back at once, twice, or throw.
 */
export function promiseOf(value: PromiseLike<unknown>): Promise<unknown> {
  if (isPlainPromise(value)) return value
  return new Promise(resolve => resolve(value))
}

function isPlainPromise(value: PromiseLike<unknown>): value is Promise<unknown> {
  try {
    // Not `instanceof`: a proxy, a subclass, or a `then` of its own is foreign code.
    return (
      types.isPromise(value) &&
      Object.getPrototypeOf(value) === Promise.prototype &&
      !Object.hasOwn(value, 'then') &&
      !Object.hasOwn(value, 'constructor')
    )
  } catch {
    return false
  }
}
