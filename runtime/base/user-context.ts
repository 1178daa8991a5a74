/**
 * The async context (AsyncLocalStorage) in which a user registered something, entered for each call of it.
 *
 * Any thread. A turn of a thread runs in the context of the event that woke it: another request, another record, or the
 * call that made the broker. The context is therefore captured where a function is handed in, and each call is made
 * inside it. A store that a call sets by `enterWith` ends with the call. The broker's own promises and timers are made
 * outside.
 *
 * Up to Node 22, Node keeps stores on the executing resource, and `enterWith` writes to that object. Each call
 * therefore has a resource of its own, which inherits the captured stores. A new AsyncResource for each call costs
 * several times as much, and `AsyncLocalStorage.snapshot()` more than that.
 *
 * Most handlers never use a store. Until one does, all calls are made on one object, and many in one entry
 * (plain-run.ts). That object inherits from a proxy, which notices every property that Node does not read for each
 * call. The first store that is read or set ends this mode for good, and so does a version of Node that keeps its
 * context elsewhere. (ns a call: 22, on one object 10.)
 */
import { AsyncResource } from 'node:async_hooks'

const { runInAsyncScope } = AsyncResource.prototype

/** Its destruction is not observed, so that Node need not watch it. */
const newResource = (): AsyncResource => new AsyncResource('MILLRACE', { requireManualDestroy: true })

/**
 * Whether an object that inherits from a resource may replace it. Not where resources have private fields; such
 * runtimes restore the context after each call by themselves.
 */
const mayInherit: boolean = (() => {
  try {
    return runInAsyncScope.call(Object.create(newResource()), () => true) === true
  } catch {
    return false
  }
})()

/** Properties that `runInAsyncScope` reads of a resource, by description. */
const READ_BY_NODE: ReadonlySet<string | undefined> = new Set(['async_id_symbol', 'trigger_async_id_symbol'])

export class UserContext {
  readonly #taken: AsyncResource = newResource()
  /** Makes what one call is made on. */
  readonly #Call: new () => object
  /** The resource of all calls while no code reads or sets a store on the executing resource. */
  #unwatched: object | null = null

  constructor() {
    this.#Call = class {}
    Object.setPrototypeOf(this.#Call.prototype, this.#taken)
    if (mayInherit) this.#unwatched = this.#notify(() => (this.#unwatched = null))
  }

  /** A resource like the one that was taken; `used` is called when what is not Node's own is read of it or set on it. */
  #notify(used: () => void): object {
    const taken = this.#taken as unknown as Record<symbol, unknown>
    const resource: Record<symbol, unknown> = {}
    for (const symbol of Object.getOwnPropertySymbols(taken))
      if (READ_BY_NODE.has(symbol.description)) resource[symbol] = taken[symbol]
    const watch = new Proxy(taken, {
      get(target, name, receiver) {
        used()
        return Reflect.get(target, name, receiver)
      },
      set(target, name, value, receiver) {
        used()
        return Reflect.set(target, name, value, receiver)
      },
    })
    return Object.setPrototypeOf(resource, watch)
  }

  /** Whether no call so far has looked at what it was made on: then those that follow one may be made in the same entry. */
  get isUntouched(): boolean {
    return this.#unwatched !== null
  }

  /** Calls `act` in this context. Its error is thrown on. */
  call<This, Args extends unknown[], Result>(
    act: (this: This, ...args: Args) => Result,
    thisArg: This,
    ...args: Args
  ): Result {
    const resource = this.#unwatched ?? (mayInherit ? new this.#Call() : this.#taken)
    return runInAsyncScope.call(
      resource as AsyncResource,
      act as (...all: unknown[]) => unknown,
      thisArg,
      ...args,
    ) as Result
  }
}
