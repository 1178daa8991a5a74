/**
 * The readers of a thread, by cursor, and those of them that are busy: only these have turns.
 *
 * A reader is busy from the moment it is woken, by a hint of its host, a verdict, or `wake`, until a turn finds nothing and it is
 * not ready. Every LOOK_MS all of them have a turn: this is for whatever may have gone wrong elsewhere. Bound: a thread's readers.
 */
import { nowMs } from '../../actors/world.ts'
import { ShortWaits } from '../base/short-waits.ts'
import type { TurnTaker, Verdict } from './turn-taker.ts'

/** Looks for an answer before the thread sleeps, at most: about ten microseconds. */
const LOOKS_MAX = 256
/** After which all are looked at again. */
const LOOK_MS = 5_000

export class BusyTakers {
  readonly #takers = new Map<number, TurnTaker>()
  readonly #busy = new Set<TurnTaker>()
  #lookedMs: number = nowMs()
  /** Turns of single readers so far. */
  looks = 0
  /** For what those that were let go are about to be handed. */
  readonly #answers = new ShortWaits(LOOKS_MAX)
  #sleptMs = 0

  add(cursor: number, taker: TurnTaker): void {
    this.#takers.set(cursor, taker)
  }

  /** Takes one out, unless another has its place already. */
  remove(cursor: number, taker: TurnTaker): void {
    this.#busy.delete(taker)
    if (this.#takers.get(cursor) === taker) this.#takers.delete(cursor)
  }

  /** There is something to do for this cursor. */
  readonly wake = (cursor: number): void => {
    const taker = this.#takers.get(cursor)
    if (taker !== undefined) this.#busy.add(taker)
  }

  wakeAll(): void {
    for (const taker of this.#takers.values()) this.#busy.add(taker)
  }

  verdict(cursor: number, verdict: Verdict): void {
    const taker = this.#takers.get(cursor)
    if (taker === undefined) return
    this.#busy.add(taker)
    taker.verdict(verdict)
  }

  /** A turn of each busy one, until `deadline`; whether any did something. */
  takeTurns(deadline: number): boolean {
    let worked = false
    this.#answers.isAwaiting = false
    // Those that are woken meanwhile come in the next round.
    for (const taker of [...this.#busy]) {
      this.looks++
      if (taker.turn(deadline)) worked = true
      else if (!taker.ready()) this.#letGo(taker)
    }
    return worked
  }

  #letGo(taker: TurnTaker): void {
    this.#busy.delete(taker)
    if (taker.isAnswered === true) this.#answers.isAwaiting = true
  }

  /** Looks on for what they are about to be handed, before the thread sleeps; whether there is something. */
  looksOn(hasWork: () => boolean): boolean {
    while (this.#answers.looksOn()) {
      if (!hasWork()) continue
      this.#answers.came()
      return true
    }
    return false
  }

  /** The thread goes to sleep. */
  sleeps(): void {
    this.#sleptMs = nowMs()
  }

  woke(): void {
    this.#answers.slept(nowMs() - this.#sleptMs)
  }

  /** A host that died before it hinted is replaced by one that hints anew; this is for unknown causes. */
  lookEverywhere(): void {
    const now = nowMs()
    if (now - this.#lookedMs < LOOK_MS) return
    this.#lookedMs = now
    this.wakeAll()
  }

  hasReady(): boolean {
    for (const taker of this.#busy) if (taker.ready()) return true
    return false
  }

  clear(): void {
    this.#takers.clear()
    this.#busy.clear()
  }
}
