/**
 * What handlers return, which may be a promise, whoever made it, or an object of a stranger that throws when it is looked
 * at: a revoked proxy (a draft of Immer after its producer), a getter, a trap. Leaf, the handling thread.
 */

import { types } from 'node:util'

/** Whether it may be a promise. Only a look at it tells. One that cannot be looked at is taken for a promise that rejects. */
export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && looksLike(value) !== 'no promise'
}

/** Whether a look at it throws, so that nobody can tell what it is. */
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
 * A promise whose `then` is the language's own: it calls back once, later, and does not throw. A promise of this realm is
 * that already; anything else may call back at once, twice, or throw.
 */
export function promiseOf(value: PromiseLike<unknown>): Promise<unknown> {
  if (isPlainPromise(value)) return value
  return new Promise(resolve => resolve(value))
}

function isPlainPromise(value: PromiseLike<unknown>): value is Promise<unknown> {
  try {
    // Not `instanceof`: a proxy, a subclass, or a `then` of its own is somebody's code.
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
