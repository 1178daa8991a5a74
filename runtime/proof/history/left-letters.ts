/**
 * Letters of queues at `os` that a loss of power may have left while it took back that their messages were settled: those come again, and
 * may be dead letters once more.
 *
 * Pure; fed the events of a history in their order. Such a letter was there when its topic was opened after the loss, read or not.
 */
import type { History, HistoryEvent, Place } from './history.ts'

export class LeftLetters {
  readonly #topics: ReadonlySet<string | null>
  #losses = 0
  /** Losses of power that were behind a partition when it was opened, and where it ended then. */
  readonly #opened = new Map<string, { readonly losses: number; readonly end: number }>()

  constructor({ queues = [], stored }: History) {
    const atOs = queues.filter(({ queue }) => stored?.get(queue)?.durability === 'os')
    this.#topics = new Set(atOs.map(({ deadLetterTopic }) => deadLetterTopic))
  }

  hear(event: HistoryEvent): void {
    if (event.kind === 'died' && event.how === 'power') this.#losses++
    if (event.kind !== 'reopened' || !this.#topics.has(event.topic)) return
    const line = `${event.topic}/${event.partition}`
    if ((this.#opened.get(line)?.losses ?? 0) === this.#losses) return
    this.#opened.set(line, { losses: this.#losses, end: event.end })
  }

  has({ topic, partition, offset }: Place): boolean {
    return offset < (this.#opened.get(`${topic}/${partition}`)?.end ?? 0)
  }
}
