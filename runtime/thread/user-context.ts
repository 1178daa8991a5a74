/**
 * The async context (AsyncLocalStorage) in which a user registered something, entered for each call of it.
 *
 * Any thread. A turn of a thread runs in the context of whatever woke it: another request, another record, or the call that
 * made the broker. So the context is taken where a function is handed in, and each call is made inside it. What a call sets
 * by `enterWith` ends with the call. Our own promises and timers are made outside.
 *
 * Where Node keeps stores on the resource that executes (up to Node 22), `enterWith` writes to that object. So each call has
 * one of its own, which inherits the stores of the one that was taken. That costs a few nanoseconds; a resource made for each
 * call costs several times as much, and `AsyncLocalStorage.snapshot()` more than that.
 */
import { AsyncResource } from 'node:async_hooks'

const { runInAsyncScope } = AsyncResource.prototype

/** Nobody is told when it is destroyed, so that Node need not watch it. */
const newResource = (): AsyncResource => new AsyncResource('MILLRACE', { requireManualDestroy: true })

/**
 * Whether an object that inherits from a resource may stand for it. Not where resources have private fields; such runtimes put
 * the context back after each call by themselves.
 */
const mayInherit: boolean = (() => {
  try {
    return runInAsyncScope.call(Object.create(newResource()), () => true) === true
  } catch {
    return false
  }
})()

export class UserContext {
  readonly #taken: AsyncResource = newResource()
  /** Makes what one call is made on. */
  readonly #Call: new () => object

  constructor() {
    this.#Call = class {}
    Object.setPrototypeOf(this.#Call.prototype, this.#taken)
  }

  /** Calls `act` in this context. What it throws is thrown. */
  call<This, Args extends unknown[], Result>(
    act: (this: This, ...args: Args) => Result,
    thisArg: This,
    ...args: Args
  ): Result {
    const resource = mayInherit ? (new this.#Call() as AsyncResource) : this.#taken
    return runInAsyncScope.call(resource, act as (...all: unknown[]) => unknown, thisArg, ...args) as Result
  }
}
