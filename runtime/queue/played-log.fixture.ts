/** The log of a queue that is played by seed: what each message is. */
import type { QueueLog } from './queue-words.ts'
import type { MessageUpdate } from './updating.ts'

export interface LogMessage {
  readonly bytes: number
  readonly priority: number
  readonly key: number
  readonly dueMs: number
  readonly expiresMs: number
}

export class PlayedLog implements QueueLog {
  readonly #start: number
  readonly #messages: LogMessage[] = []

  constructor(start: number) {
    this.#start = start
  }

  push(message: LogMessage): void {
    this.#messages.push(message)
  }

  /** What is not null is different from now on. */
  update(offset: number, { priority, dueMs, expiresMs }: MessageUpdate): void {
    const at = offset - this.#start
    const before = this.#messages[at] as LogMessage
    this.#messages[at] = {
      ...before,
      priority: priority ?? before.priority,
      dueMs: dueMs ?? before.dueMs,
      expiresMs: expiresMs ?? before.expiresMs,
    }
  }

  bytesOf = (offset: number): number => this.#messages[offset - this.#start]?.bytes ?? 0

  priorityOf = (offset: number): number => this.#messages[offset - this.#start]?.priority ?? 0

  keyOf = (offset: number): number => this.#messages[offset - this.#start]?.key ?? 0

  dueMsOf = (offset: number): number => this.#messages[offset - this.#start]?.dueMs ?? 0

  expiresMsOf = (offset: number): number => this.#messages[offset - this.#start]?.expiresMs || Number.POSITIVE_INFINITY

  /** One of four leaves no dead letter when it expires. */
  endsQuietly = (offset: number): boolean => offset % 4 === 3

  /** The same as a log on disk, in which what is settled may be gone: nothing is asked about that. */
  without(isGone: (offset: number) => boolean): QueueLog {
    const of =
      <T>(ask: (offset: number) => T) =>
      (offset: number): T => {
        if (isGone(offset)) throw new Error(`message ${offset} is settled, and its record may be gone`)
        return ask(offset)
      }
    return {
      bytesOf: of(this.bytesOf),
      priorityOf: of(this.priorityOf),
      keyOf: of(this.keyOf),
      dueMsOf: of(this.dueMsOf),
      expiresMsOf: of(this.expiresMsOf),
      endsQuietly: of(this.endsQuietly),
    }
  }
}
