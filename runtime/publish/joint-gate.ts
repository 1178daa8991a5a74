/**
 * The way of joint frames into one topic: whether a record may go now, and who is told when it may.
 *
 * The producer's thread. What the topic's own publishes wait for holds a joint record as well: those that came before it, a ring that is on its
 * way, the rate. Bound: two functions.
 */
import type { AttachedThread } from '../thread/attached-thread.ts'
import type { ProducedTopic } from '../wire/produced-topic.ts'
import { FullError } from '../words/errors.ts'
import type { Message } from '../words/message.ts'
import type { PartitionWriter } from './partition-writer.ts'
import type { RingChanges } from './ring-changes.ts'
import type { WaitingLine } from './waiting-line.ts'

export class JointGate {
  readonly thread: AttachedThread
  /** Called after receipts, for another ring, and when the rate opens. */
  served: () => void = () => undefined
  /** Called where a partition gets no ring for what waits for it. */
  failed: (partition: number, error: Error) => void = () => undefined
  readonly #writers: readonly PartitionWriter[]
  readonly #line: WaitingLine
  readonly #rings: RingChanges

  constructor(thread: AttachedThread, writers: readonly PartitionWriter[], line: WaitingLine, rings: RingChanges) {
    this.thread = thread
    this.#writers = writers
    this.#line = line
    this.#rings = rings
  }

  writerOf(partition: number): PartitionWriter {
    return this.#writers[partition] as PartitionWriter
  }

  /** Whether a record may go there now; an error: it is refused. */
  ask(partition: number, { onFull }: ProducedTopic, original: Message): 'now' | 'later' | FullError {
    const { gate } = this.#line
    if (gate !== null) {
      gate.openIfDue()
      if (gate.room === 0) {
        if (onFull === 'reject')
          return new FullError(
            `${gate.text}, and its onFull is 'reject'; try again in ${gate.waitMs} ms`,
            original,
            gate.waitMs,
          )
        gate.shut()
        return 'later'
      }
    }
    return this.#line.passes(partition) && !this.#rings.growing.has(partition) ? 'now' : 'later'
  }

  /** Nothing may go to the topic for now, as its rate says. */
  get waitsForRate(): boolean {
    return this.#line.gate?.room === 0
  }

  /** A record is in a frame. */
  took(): void {
    this.#line.gate?.took(1)
  }

  /** A writer had no room: `said`, for now or ever. */
  need(writer: PartitionWriter, said: number, bytes: number): void {
    this.#rings.need(writer, said, bytes)
  }
}
