/** Times of messages, as the naive model of a queue sees them: what is due, what has expired, and who goes before whom. */
import type { OracleMessage } from './oracle-message.fixture.ts'
import type { DueMessages, OverdueMessage } from './queue-words.ts'

/** Order inside a priority: by place; of one place what fell due goes first, in the order in which it did. */
export function byPlace(a: OracleMessage, b: OracleMessage): number {
  if (a.place !== b.place) return a.place - b.place
  if (a.turn === 0 || b.turn === 0) return b.turn - a.turn
  return a.turn - b.turn
}

/** Whether it may not be handed out any more. */
export function isOver({ expiresMs }: OracleMessage, nowMs: number): boolean {
  return expiresMs <= nowMs
}

/** What can expire: it waits to be handed out, or for a retry. */
export function canExpire({ state }: OracleMessage): boolean {
  return state === 'ready' || state === 'retrying'
}

/** Messages that are out though their time is over, each told once. */
export function overdueOf(messages: readonly OracleMessage[], nowMs: number): OverdueMessage[] {
  const over = messages.filter(message => message.state === 'unacked' && isOver(message, nowMs) && !message.told)
  for (const message of over) message.told = true
  return over.map(({ offset, consumer, slot, tag }) => ({ offset, consumer, slot, tag }))
}

/** Makes what is due ready, behind all that there is. */
export class OracleSchedule {
  #turn = 0
  #passedMs = 0

  /** When a message is due that comes now. */
  dueMsOf(dueMs: number): number {
    return Math.max(Math.ceil(dueMs), this.#passedMs)
  }

  due(messages: readonly OracleMessage[], nowMs: number, end: number): Omit<DueMessages, 'retried'> {
    this.#passedMs = Math.max(this.#passedMs, nowMs)
    const due = messages.filter(({ state, dueMs }) => state === 'scheduled' && dueMs <= nowMs)
    due.sort((a, b) => a.dueMs - b.dueMs || a.offset - b.offset)
    for (const message of due) {
      message.state = 'ready'
      message.place = end
      message.turn = ++this.#turn
    }
    return { count: due.length, offsets: Float64Array.from(due, ({ offset }) => offset), place: end }
  }

  /** Another host counts from the times that the messages say. */
  rebuilt(messages: readonly OracleMessage[]): void {
    this.#passedMs = 0
    for (const message of messages) {
      message.told = false
      if (message.state === 'scheduled') message.dueMs = Math.ceil(message.scheduledMs)
    }
  }
}

/** When something is due, times out or, if it may, expires. */
export function firstMoment(
  messages: readonly OracleMessage[],
  mayExpire: boolean,
  deadlineOf: (message: OracleMessage) => number,
): number {
  const times = messages.map(message => {
    const waits = message.state === 'retrying' || message.state === 'scheduled'
    return waits ? message.dueMs : deadlineOf(message)
  })
  const ends = mayExpire ? messages.filter(canExpire).map(({ expiresMs }) => Math.ceil(expiresMs)) : []
  return Math.min(...times, ...ends)
}

/** Facts of what fell due. */
export function dueFactsOf(messages: readonly OracleMessage[]): unknown {
  const due = messages.filter(({ turn }) => turn > 0).sort((a, b) => a.turn - b.turn)
  return due.map(({ offset, place }) => ({ offset, place }))
}
