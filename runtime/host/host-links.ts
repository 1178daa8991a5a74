/**
 * The threads that a partition host is linked to, and their rings: who of its residents is woken by what they say.
 *
 * The partition host's thread. A thread's hints name rings and cursors (link/link.ts). If some were lost, all that is that
 * thread's is woken; so is all that has a ring of a thread that has ended, which may have published something and not hinted.
 * Such a thread is removed when its rings are drained. Bound: the threads and their rings.
 */
import type { Memory } from 'sharedarraybuffer-ring'
import { HostLink, type Settlement } from '../link/host-link.ts'
import type { IncomingRing } from '../partition/incoming-ring.ts'
import type { LinkedThread } from '../wire/host-calls.ts'
import { HostAnswers } from './host-answers.ts'

/** Who is told what threads say. */
export interface LinkListener {
  /** False: it cannot be answered now, and comes again. */
  settle(settlement: Settlement): boolean
  /** A reader may not go on before it has a higher ceiling. */
  asks(cursor: number): void
  /** The same for whichever readers of this thread. */
  mayAsk(link: HostLink): void
  /** The thread has ended, and all its rings are drained. */
  drained(thread: number): void
}

interface LinkedRings {
  readonly link: HostLink
  readonly rings: Map<number, { readonly ring: IncomingRing; readonly wake: () => void }>
  isLeaving: boolean
}

export class HostLinks {
  readonly #memory: Memory
  readonly #listener: LinkListener
  /** What queues answer to requests of these threads. */
  readonly answers: HostAnswers = new HostAnswers(thread => this.#threads.get(thread)?.link ?? null)
  readonly #threads = new Map<number, LinkedRings>()
  #isHolding = false
  /** Those that have ended, and may be drained. */
  readonly #leaving = new Set<LinkedRings>()

  constructor(memory: Memory, listener: LinkListener) {
    this.#memory = memory
    this.#listener = listener
  }

  add({ thread, bell, link }: LinkedThread): void {
    if (this.#threads.has(thread)) return
    this.#threads.set(thread, {
      link: new HostLink(this.#memory, thread, bell, link),
      rings: new Map(),
      isLeaving: false,
    })
  }

  /** The thread has ended: its rings end at their published tails. */
  remove(thread: number): void {
    const linked = this.#threads.get(thread)
    if (linked === undefined) {
      this.#listener.drained(thread)
      return
    }
    linked.link.abandon()
    linked.isLeaving = true
    for (const { ring } of linked.rings.values()) ring.orphaned = true
    wakeRings(linked)
    this.#leaving.add(linked)
    this.tellDrained()
  }

  #linked(thread: number): LinkedRings {
    const linked = this.#threads.get(thread)
    if (linked === undefined) throw new Error(`broken invariant: thread ${thread} has no link`)
    return linked
  }

  of(thread: number): HostLink {
    return this.#linked(thread).link
  }

  isLeaving(thread: number): boolean {
    return this.#linked(thread).isLeaving
  }

  /** `wake` is called when there is something new in the ring. One that is known is taken over. */
  addRing(ring: IncomingRing, wake: () => void): void {
    this.#linked(ring.link.thread).rings.set(ring.id, { ring, wake })
    wake()
  }

  /** It is drained. */
  removeRing({ id, link }: IncomingRing): void {
    this.#threads.get(link.thread)?.rings.delete(id)
  }

  /** A pass begins: threads that sleep are not woken before `letGo`. */
  hold(): void {
    this.#isHolding = true
    for (const { link } of this.#threads.values()) link.bell.hold()
  }

  /**
   * Wakes the threads that were told something in the meantime. Who awaits each publish before the next has one record answered in a pass,
   * and is woken first. Where there are several, or the record is a request, readers come first: their way to a handler is the longer one.
   */
  letGo(): void {
    if (!this.#isHolding) return
    this.#isHolding = false
    let awaited = 0
    for (const { link } of this.#threads.values()) awaited += link.bell.awaited
    const first = awaited === 1 ? 'answers' : 'records'
    for (const { link } of this.#threads.values()) link.bell.ringFor(first)
    for (const { link } of this.#threads.values()) link.bell.letGo()
  }

  /** Takes in what threads say; whether any of them settled something. */
  take(): boolean {
    let worked = false
    for (const linked of this.#threads.values()) {
      const isWhole = linked.link.hints(
        ring => linked.rings.get(ring)?.wake(),
        cursor => this.#listener.asks(cursor),
      )
      if (!isWhole) {
        wakeRings(linked)
        this.#listener.mayAsk(linked.link)
      }
      if (linked.link.settlements(settlement => this.#listener.settle(settlement))) worked = true
    }
    return worked
  }

  /** Whether `take` would find something. */
  get hasNews(): boolean {
    for (const { link } of this.#threads.values()) if (link.hasNews()) return true
    return false
  }

  /** Lets threads go that have ended, and whose rings are drained. */
  tellDrained(): void {
    for (const linked of this.#leaving) {
      if (linked.rings.size > 0) continue
      const { thread } = linked.link
      this.#leaving.delete(linked)
      this.#threads.delete(thread)
      this.#listener.drained(thread)
    }
  }
}

function wakeRings({ rings }: LinkedRings): void {
  for (const { wake } of rings.values()) wake()
}
