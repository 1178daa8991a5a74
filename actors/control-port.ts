/**
 * Control calls between two threads over a MessagePort: the only file that knows Comlink.
 *
 * Runs on both sides. Control plane only (40-57 k calls/s): records never travel here. Comlink gives the calls and
 * answers. This file adds the following. A pending call rejects when the other thread dies (Comlink's hangs for ever).
 * Calls have deadlines. Errors cross as data through this thread's error wire, wrapped in the answer: Comlink's
 * process-wide transfer handlers, which the user's own code may share, stay untouched. Proxies are pinned (Comlink
 * drops the calls of a collected one).
 *
 * Invariants: every call settles, at its deadline at the latest if it has one. At most `pendingMax` calls of one
 * connection are without an answer; one more is refused. No Comlink type is in an exported declaration.
 */

import type { MessagePort, TransferListItem } from 'node:worker_threads'
import * as comlink from 'comlink'
import { fromWire, toWire, type WireError } from './error-wire.ts'
import { clearTimeout, receiveMessage, setImmediate, setTimeout } from './world.ts'

/** The methods of `T` as asynchronous calls. */
export type Calls<T> = {
  readonly [K in keyof T as T[K] extends (...args: never[]) => unknown ? K : never]: T[K] extends (
    ...args: infer A
  ) => infer R
    ? (...args: A) => Promise<Awaited<R>>
    : never
}

/** One side of a connection to an object served on another thread. */
export interface Remote<T> {
  /** The calls, with the connection's deadline. */
  readonly call: Calls<T>
  /** The same calls with another deadline; beyond 24 days there is none. */
  withDeadline(deadlineMs: number): Calls<T>
  /** Closes the port; pending calls reject. */
  close(): void
}

export interface ServeOptions {
  /** Whether the open port keeps this thread alive. Default true. */
  readonly ref?: boolean
}

export interface ConnectOptions {
  /** The other side's name, for error messages. */
  readonly name: string
  /** Resolves when the other thread is dead; its value is in the rejections. */
  readonly lost: Promise<unknown>
  /** Default 30,000. */
  readonly deadlineMs?: number
  /** Calls without an answer, at most: one more is refused. Default 4,096; Infinity where what the caller asks is bounded by itself. */
  readonly pendingMax?: number
  /** Whether the open port keeps this thread alive; a pending call does in any case. Default false. */
  readonly ref?: boolean
}

/** Why a call has no answer. */
export type CallFailure =
  /** The other thread died; `reason` is the value of `lost`. */
  | { readonly kind: 'lost'; readonly name: string; readonly method: string; readonly reason: unknown }
  /** The port was closed, by either side (a thread that ends closes its ports). */
  | { readonly kind: 'closed'; readonly name: string; readonly method: string }
  /** No answer in time; the call may still be carried out. */
  | { readonly kind: 'deadline'; readonly name: string; readonly method: string; readonly deadlineMs: number }
  /** Too many calls are without an answer; this one was not sent. */
  | { readonly kind: 'full'; readonly name: string; readonly method: string; readonly pendingMax: number }

/** The rejection of a call without an answer; `failure` is why, as data. */
export class CallError extends Error {
  readonly failure: CallFailure

  constructor(failure: CallFailure) {
    super(describeFailure(failure))
    this.name = 'CallError'
    this.failure = failure
  }
}

function describeFailure(failure: CallFailure): string {
  const call = `call of ${failure.method} on ${failure.name}`
  switch (failure.kind) {
    case 'lost':
      return `${call}: its thread died`
    case 'closed':
      return `${call}: its port is closed`
    case 'deadline':
      return `${call}: no answer within ${failure.deadlineMs} ms`
    case 'full':
      return `${call}: ${failure.pendingMax} calls are without an answer`
  }
}

const DEADLINE_MS = 30_000
const PENDING_MAX = 4_096
/** The longest timer of Node, 24 days: a longer wait has no deadline. */
const TIMER_MS_MAX = 2 ** 31 - 1

type Listener = (event: { readonly data: unknown; readonly origin: string }) => void
type Answer = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: WireError }

/** Argument of `transfer`, until the value is sent. */
const transfers = new WeakMap<object, readonly TransferListItem[]>()

/** Marks `value`, an argument or a returned value, so that `items` in it are moved and not cloned. Returns `value`. */
export function transfer<T extends object>(value: T, items: readonly TransferListItem[]): T {
  transfers.set(value, items)
  return value
}

/** A node MessagePort as Comlink wants it. */
class NodeEndpoint {
  readonly port: MessagePort
  readonly #listeners = new Set<Listener>()

  constructor(port: MessagePort, ref: boolean) {
    this.port = port
    port.on('message', this.dispatch)
    if (!ref) port.unref()
    endpoints.set(port, this)
    pinned.add(this)
    port.once('close', () => this.#forget())
  }

  /**
   * Removes Comlink's listeners, and so the calls without an answer. Comlink keeps an endpoint until its proxy is
   * collected, and such a call refers to the proxy.
   */
  #forget(): void {
    pinned.delete(this)
    this.#listeners.clear()
  }

  readonly dispatch = (data: unknown): void => {
    for (const listener of [...this.#listeners]) listener({ data, origin: '' })
  }

  postMessage(message: unknown, items: readonly TransferListItem[] = []): void {
    this.port.postMessage(message, items)
  }

  addEventListener(_type: string, listener: Listener): void {
    this.#listeners.add(listener)
  }

  removeEventListener(_type: string, listener: Listener): void {
    this.#listeners.delete(listener)
  }
}

const endpoints = new WeakMap<MessagePort, NodeEndpoint>()
const pinned = new Set<NodeEndpoint>()

/**
 * Handles what waits in a served or connected port now, for a thread that parks in `Atomics.wait` and so does not see
 * its ports. Answers leave at its next turn of the event loop (one `setImmediate`).
 *
 * @returns how many messages were handled, at most `messagesMax`.
 */
export function pump(port: MessagePort, messagesMax = 256): number {
  const endpoint = endpoints.get(port)
  if (endpoint === undefined) return 0
  for (let handled = 0; handled < messagesMax; handled += 1) {
    const received = receiveMessage(port) as { readonly message: unknown } | undefined
    if (received === undefined) return handled
    endpoint.dispatch(received.message)
  }
  return messagesMax
}

function findMethod(api: object, method: string): (...args: unknown[]) => unknown {
  const candidate: unknown = method in Object.prototype ? undefined : Reflect.get(api, method)
  if (typeof candidate !== 'function') throw new TypeError(`no method ${method}`)
  return candidate.bind(api) as (...args: unknown[]) => unknown
}

/** Serves the methods of `api` on `port`. Returns what closes the port. */
export function serve(port: MessagePort, api: object, options: ServeOptions = {}): () => void {
  const endpoint = new NodeEndpoint(port, options.ref ?? true)
  const served = {
    call: async (method: string, ...args: unknown[]): Promise<Answer> => {
      let answer: Answer
      try {
        const value = await findMethod(api, method)(...args)
        answer = { ok: true, value }
      } catch (error) {
        answer = { ok: false, error: toWire(error) }
      }
      const items = answer.ok ? transfersOf(answer.value) : undefined
      return items === undefined ? answer : comlink.transfer(answer, [...items] as never)
    },
  }
  comlink.expose(served, endpoint as never)
  return () => port.close()
}

function transfersOf(value: unknown): readonly TransferListItem[] | undefined {
  return typeof value === 'object' && value !== null ? transfers.get(value) : undefined
}

/** Connects to the object that the other side of `port` serves. */
export function connect<T>(port: MessagePort, options: ConnectOptions): Remote<T> {
  const { name, pendingMax = PENDING_MAX } = options
  const endpoint = new NodeEndpoint(port, options.ref ?? false)
  // Taken once: each look at a proxy's member is another proxy, which Comlink registers for its end.
  const { call } = comlink.wrap(endpoint as never) as unknown as {
    readonly call: (method: string, ...args: unknown[]) => Promise<Answer>
  }
  const pending = new Set<(failure: (method: string) => CallFailure) => void>()
  let unanswered = 0
  let over: ((method: string) => CallFailure) | undefined

  const finish = (failure: (method: string) => CallFailure): void => {
    over ??= failure
    for (const reject of [...pending]) reject(over)
  }
  /** Lets an answer that has already arrived win: a port's queue and a thread's death or a timer come in any order. */
  const afterDrain = (then: () => void): void => {
    pump(port, Number.POSITIVE_INFINITY)
    setImmediate(then)
  }
  port.once('close', () => finish(method => ({ kind: 'closed', name, method })))
  // Once per connection: a handler per call would pile up on a promise that lives as long as the thread.
  const onLost = (reason: unknown): void =>
    afterDrain(() => {
      finish(method => ({ kind: 'lost', name, method, reason }))
      port.close()
    })
  options.lost.then(onLost, onLost)

  const invoke = (method: string, args: readonly unknown[], deadlineMs: number): Promise<unknown> => {
    if (over !== undefined) return Promise.reject(new CallError(over(method)))
    if (unanswered >= pendingMax) return Promise.reject(new CallError({ kind: 'full', name, method, pendingMax }))
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer)
        pending.delete(fail)
      }
      const fail = (failure: (method: string) => CallFailure): void => {
        settle()
        reject(new CallError(failure(method)))
      }
      const late = (): void =>
        afterDrain(() => {
          if (pending.has(fail)) fail(() => ({ kind: 'deadline', name, method, deadlineMs }))
        })
      const timer = deadlineMs > TIMER_MS_MAX ? undefined : setTimeout(late, deadlineMs)
      pending.add(fail)
      unanswered += 1
      for (const argument of args) {
        const items = transfersOf(argument)
        if (items !== undefined) comlink.transfer(argument, [...items] as never)
      }
      call(method, ...args).then(
        answer => {
          unanswered -= 1
          settle()
          if (answer.ok) resolve(answer.value)
          else reject(fromWire(answer.error))
        },
        (error: unknown) => {
          unanswered -= 1
          settle()
          reject(error)
        },
      )
    })
  }

  const calls = (deadlineMs: number): Calls<T> =>
    new Proxy(
      {},
      {
        // `then` must stay absent, or awaiting the object would be a call.
        get: (_target, key) =>
          typeof key === 'string' && key !== 'then' ? (...args: unknown[]) => invoke(key, args, deadlineMs) : undefined,
      },
    ) as Calls<T>

  return {
    call: calls(options.deadlineMs ?? DEADLINE_MS),
    withDeadline: calls,
    close: () => port.close(),
  }
}
