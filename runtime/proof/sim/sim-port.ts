/**
 * Message ports between simulated threads: in order per port, each message late by chance, none lost but by a death.
 *
 * As Node's MessagePort for what control-port.ts and its users need of one. A thread's death closes its ports; what it
 * had sent before still arrives, or, by chance, the last of it does not.
 */
import { cloned } from './clone.ts'
import { EVENT, type Scheduler, type SimThread } from './scheduler.ts'

type Listener = (value?: unknown) => void

/** A message in a few words; a call by its method and arguments. */
function said(message: unknown): string {
  const { argumentList, value, id } = message as { argumentList?: { value: unknown }[]; value?: unknown; id?: unknown }
  const what = argumentList === undefined ? (value ?? message) : argumentList.map(argument => argument.value)
  return `${id === undefined ? '' : argumentList === undefined ? 'answer ' : 'call '}${JSON.stringify(what)?.slice(0, 200)}`
}

export class SimPort {
  readonly #scheduler: Scheduler
  owner: SimThread
  #peer: SimPort | null = null
  readonly #listeners = new Map<string, Set<Listener>>()
  #inbox: unknown[] = []
  /** When the last message to here arrives; no later one does before. */
  #lastArrival = 0
  #closed = false

  private constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler
    this.owner = scheduler.current as SimThread
  }

  static pair(
    scheduler: Scheduler,
    open: (port: SimPort) => void,
  ): { readonly port1: SimPort; readonly port2: SimPort } {
    const port1 = new SimPort(scheduler)
    const port2 = new SimPort(scheduler)
    port1.#peer = port2
    port2.#peer = port1
    open(port1)
    open(port2)
    return { port1, port2 }
  }

  on(event: string, listener: Listener): this {
    const listeners = this.#listeners.get(event) ?? new Set()
    this.#listeners.set(event, listeners.add(listener))
    if (event === 'message') {
      this.owner = this.#scheduler.current ?? this.owner
      for (let waiting = 0; waiting < this.#inbox.length; waiting++) this.#arrive(0)
    }
    return this
  }

  once(event: string, listener: Listener): this {
    const once: Listener = value => {
      this.#listeners.get(event)?.delete(once)
      listener(value)
    }
    return this.on(event, once)
  }

  off(event: string, listener: Listener): this {
    this.#listeners.get(event)?.delete(listener)
    return this
  }

  ref(): void {}
  unref(): void {}
  start(): void {}

  postMessage(message: unknown, moved: readonly unknown[] = []): void {
    const peer = this.#peer
    this.#scheduler.check()
    const copy = cloned(message)
    this.#scheduler.trace?.(`${this.#scheduler.stamp} to ${peer?.owner.name}: ${said(message)}`)
    if (this.#closed || peer === null || peer.#closed) return
    for (const port of moved) if (port instanceof SimPort) port.owner = peer.owner
    peer.#inbox.push(copy)
    const { chance } = this.#scheduler
    peer.#arrive(chance.next() * chance.pick([0.05, 0.1, 1, 5]))
  }

  /** Plans a delivery, behind all before it. */
  #arrive(delayMs: number): void {
    const scheduler = this.#scheduler
    this.#lastArrival = Math.max(this.#lastArrival, scheduler.now + delayMs)
    scheduler.plan(this.owner, this.#lastArrival - scheduler.now, EVENT.message, () => {
      if (this.#closed || this.#inbox.length === 0) return
      if (this.#listeners.get('message') === undefined) return
      this.#emit('message', this.#inbox.shift())
    })
  }

  #emit(event: string, value?: unknown): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) listener(value)
  }

  /** The oldest message that waits. */
  receive(): { message: unknown } | undefined {
    return this.#closed || this.#inbox.length === 0 ? undefined : { message: this.#inbox.shift() }
  }

  close(): void {
    if (this.#closed) return
    this.#shut()
    this.#scheduler.plan(this.owner, 0.01, EVENT.message, () => this.#emit('close'))
  }

  #shut(): void {
    this.#closed = true
    this.#inbox = []
    const peer = this.#peer
    if (peer === null || peer.#closed) return
    const scheduler = this.#scheduler
    const delay = Math.max(peer.#lastArrival - scheduler.now, 0) + scheduler.chance.next()
    scheduler.plan(peer.owner, delay, EVENT.message, () => {
      if (peer.#closed) return
      peer.#closed = true
      peer.#emit('close')
    })
  }

  /** Its thread has died. `lost`: so many of its last messages do not arrive. */
  died(lost: number): void {
    if (this.#closed) return
    const peer = this.#peer
    if (peer !== null && lost > 0) peer.#inbox.splice(Math.max(0, peer.#inbox.length - lost))
    this.#shut()
  }

  /** The simulation is over: listeners hear of it, those of dead threads, too, so that what they pin is let go. */
  dispose(): void {
    this.#closed = true
    this.#inbox = []
    this.#emit('close')
    this.#listeners.clear()
    this.#peer = null
  }
}
