/**
 * A history without what was in queues when they were deleted: a queue that is made anew under its name has offsets that were there
 * before, and what is said of the old ones may come later.
 *
 * Pure. Messages are known again by their ids, and consumers by their names: both are used once.
 */
import type { History, HistoryEvent } from './history.ts'

/** What was there when queues were deleted, by queue. */
class Deleted {
  readonly #sent = new Map<string, Set<string>>()
  readonly #consumers = new Map<string, Set<string>>()
  /** By queue, the event at which it was deleted last. */
  readonly #lastAt = new Map<string, number>()

  constructor(events: readonly HistoryEvent[]) {
    const sent = new Map<string, Set<string>>()
    const consumers = new Map<string, Set<string>>()
    for (const [at, event] of events.entries()) {
      if (event.kind === 'sent') add(sent, event.topic, event.id)
      if (event.kind === 'began' || event.kind === 'delivered') add(consumers, event.topic, event.consumer)
      if (event.kind !== 'deleted') continue
      const { topic } = event
      this.#lastAt.set(topic, at)
      for (const id of sent.get(topic) ?? []) add(this.#sent, topic, id)
      for (const consumer of consumers.get(topic) ?? []) add(this.#consumers, topic, consumer)
    }
  }

  get isEmpty(): boolean {
    return this.#lastAt.size === 0
  }

  #hasMessage(topic: string, id: string): boolean {
    return this.#sent.get(topic)?.has(id) === true
  }

  #hasConsumer(topic: string, consumer: string): boolean {
    return this.#consumers.get(topic)?.has(consumer) === true
  }

  /** What is left of an event; null: nothing. */
  left(event: HistoryEvent, at: number): HistoryEvent | null {
    switch (event.kind) {
      case 'sent':
      case 'answered':
        return this.#hasMessage(event.topic, event.id) ? null : event
      case 'delivered':
        return this.#hasMessage(event.topic, event.id) || this.#hasConsumer(event.topic, event.consumer) ? null : event
      case 'settled':
      case 'confirmed':
      case 'overdue':
        return this.#hasConsumer(event.topic, event.consumer) ? null : event
      case 'letter':
        return this.#hasMessage(event.source.topic, event.id) ? null : event
      case 'ended': {
        const { executing, ...others } = event
        return executing !== undefined && this.#hasConsumer(executing.topic, event.consumer) ? others : event
      }
      case 'counted':
      case 'consuming':
        return at < (this.#lastAt.get(event.topic) ?? -1) ? null : event
      default:
        return event
    }
  }
}

function add(to: Map<string, Set<string>>, topic: string, what: string): void {
  const known = to.get(topic)
  if (known === undefined) to.set(topic, new Set([what]))
  else known.add(what)
}

export function withoutDeleted(history: History): History {
  const deleted = new Deleted(history.events)
  if (deleted.isEmpty) return history
  return { ...history, events: history.events.flatMap((event, at) => deleted.left(event, at) ?? []) }
}
