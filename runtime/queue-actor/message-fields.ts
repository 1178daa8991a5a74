/** What the core of a queue is told of the messages of a frame that come, gathered one by one. The partition host's thread; pure. */
import type { AppendedFields } from '../queue/queue-words.ts'

export class FieldsOfFrame implements AppendedFields {
  readonly #count: number
  priorities: Uint8Array | null = null
  dueMs: Float64Array | null = null
  expiresMs: Float64Array | null = null

  constructor(count: number) {
    this.#count = count
  }

  /** Whether any has a time. */
  get isTimed(): boolean {
    return this.dueMs !== null || this.expiresMs !== null
  }

  /** Of the message at an index of the frame. Times in `nowMs`; 0: none. */
  set(index: number, priority: number, dueMs: number, expiresMs: number): void {
    if (priority > 0) {
      this.priorities ??= new Uint8Array(this.#count)
      this.priorities[index] = priority
    }
    if (dueMs > 0) {
      this.dueMs ??= new Float64Array(this.#count)
      this.dueMs[index] = dueMs
    }
    if (expiresMs > 0) {
      this.expiresMs ??= new Float64Array(this.#count)
      this.expiresMs[index] = expiresMs
    }
  }
}
