/**
 * What a successor of a queue's host must know of its messages, beside their records and what consumers have.
 *
 * Types only; the partition host's thread. In memory each is a store into shared memory, done when the call returns (memory-facts.ts).
 * On disk it is written with the pass (stored-facts.ts): until then no claim is freed, and no delivery is visible.
 */
import type { SettledAs } from '../queue/queue-state.ts'
import type { HandOutRun, QueueAttempt, QueueLetter } from '../queue/queue-words.ts'
import type { Epoch, Offset } from '../words/quantities.ts'

/** Ways in which a message is settled that are counted; all others were acked. */
export type Counted = Exclude<SettledAs, 'acked' | 'expired'>

export interface MessageFacts {
  /** Epoch of the consumer whose end was begun last. */
  closing: Epoch
  /** Epoch of the consumer that has the queue, if one alone has it; 0: none had. */
  active: Epoch
  /** Failed attempts of all messages. */
  readonly failures: number
  countFailure(): void
  /** The core has handed these out, of which the first so many went to their consumer. */
  handedOut(run: HandOutRun, count: number): void
  /** It was acked. */
  settled(offset: Offset): void
  /** It was settled otherwise. */
  settledAs(counter: Counted, offset: Offset): void
  /** It came back, and the core knows this of it. */
  cameBack(offset: Offset, attempt: QueueAttempt): void
  /** It went back without having been begun, and the core knows this of it. */
  takenBack(offset: Offset, attempt: QueueAttempt): void
  /** It is to be a dead letter, which a successor knows when this returns; false: the disk has failed. */
  dies(letter: QueueLetter): boolean
  /** It is not, and the core knows this of it. */
  stays(offset: Offset, attempt: QueueAttempt): void
}
