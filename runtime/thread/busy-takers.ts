/**
 * The readers of a thread, by cursor, and those of them that are busy: only these have turns.
 *
 * A reader is busy from the moment it is woken, by a hint of its host, a verdict, or `wake`, until a turn finds nothing and it is
 * not ready. Every LOOK_MS all of them have a turn: this is for whatever may have gone wrong elsewhere. Bound: a thread's readers.
 */
import { nowMs } from '../../actors/world.ts'
import type { TurnTaker, Verdict } from './turn-taker.ts'

/** After which all are looked at again. */
const LOOK_MS = 5_000

export class BusyTakers {
  readonly #takers = new Map<number, TurnTaker>()
  readonly #busy = new Set<TurnTaker>()
  #lookedMs: number = nowMs()
  /** Turns of single readers so far. */
  looks = 0

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
    // Those that are woken meanwhile come in the next round.
    for (const taker of [...this.#busy]) {
      this.looks++
      if (taker.turn(deadline)) worked = true
      else if (!taker.ready()) this.#busy.delete(taker)
    }
    return worked
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
