/** Runs of messages, as the naive model of a queue sees them. */
import type { OracleMessage } from './oracle-message.fixture.ts'
import type { HandOut, HandOutRun } from './queue-words.ts'

/** How ready messages are divided among those in a line, while nothing else changes what is ready or who stands there. */
export class OracleRound {
  #share = 0
  #turns = 0
  /** What is left when the last one has had its share. */
  next = ''

  /** The share of the next in line; `fresh`: when a round begins. */
  share(now: string, fresh: number, line: number): number {
    if (this.#turns === 0 || this.next !== now) {
      this.#share = fresh
      this.#turns = line
    }
    this.#turns--
    return this.#share
  }
}

/** What is said of a message that is handed out. */
export function handOutOf(message: OracleMessage): HandOut {
  const { consumer, slot, tag, offset, priority, bytes, cohort, suspect } = message
  const { handOuts: deliveryAttempt, failures: failedAttempts } = message
  return { consumer, slot, tag, offset, priority, bytes, deliveryAttempt, failedAttempts, cohort, suspect }
}

/** Hand-outs that go to one consumer together. */
export function runOf(handOuts: readonly HandOut[]): HandOutRun {
  return {
    first: handOuts[0] as HandOut,
    count: handOuts.length,
    slots: Int32Array.from(handOuts, ({ slot }) => slot),
    tags: Int32Array.from(handOuts, ({ tag }) => tag),
    offsets: Float64Array.from(handOuts, ({ offset }) => offset),
  }
}
