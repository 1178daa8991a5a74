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

function notedAt({ noted, dueMs }: OracleMessage): number {
  return noted.get(dueMs) as number
}

/** Makes what is due ready, behind all that there is. */
export class OracleSchedule {
  #turn = 0
  #passedMs = 0
  #notes = 0

  /** Notes when a message is due that comes, or is updated, now. */
  note(message: OracleMessage): void {
    message.dueMs = Math.max(Math.ceil(message.scheduledMs), this.#passedMs)
    if (!message.noted.has(message.dueMs)) message.noted.set(message.dueMs, ++this.#notes)
  }

  due(messages: readonly OracleMessage[], nowMs: number, end: number): Omit<DueMessages, 'retried'> {
    this.#passedMs = Math.max(this.#passedMs, nowMs)
    const due = messages.filter(({ state, dueMs }) => state === 'scheduled' && dueMs <= nowMs)
    due.sort((a, b) => a.dueMs - b.dueMs || notedAt(a) - notedAt(b))
    for (const { noted } of messages) for (const ms of [...noted.keys()]) if (ms <= nowMs) noted.delete(ms)
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
      message.noted.clear()
      if (message.state === 'scheduled') this.note(message)
    }
  }
}

/** A message that waits is due then. One that is ready and would be due at once is so already. */
export function putOff(message: OracleMessage, dueMs: number, nowMs: number, schedule: OracleSchedule): void {
  if (message.state === 'retrying') message.dueMs = dueMs
  else if (message.state === 'scheduled' || dueMs > nowMs) {
    message.state = 'scheduled'
    message.keyTurn = 0
    message.place = message.offset
    message.turn = 0
    message.scheduledMs = dueMs
    schedule.note(message)
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
