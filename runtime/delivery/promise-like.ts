/** Tells what may be a promise, whoever made it. Leaf, the handling thread. */

/** Whether it may be a promise. Only a look at it tells, and a look at a stranger's object may throw: then it is one that rejects. */
export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  if (typeof value !== 'object' || value === null) return false
  if (value instanceof Promise) return true
  try {
    return typeof (value as { then?: unknown }).then === 'function'
  } catch {
    return true
  }
}
