/**
 * Dead letters that were written in a pass, as they are told: the first ones each by itself, and how many more there were.
 *
 * The partition host's thread. Bound: EVENTS_MAX.
 */
import type { HostNotice } from '../protocol.ts'
import type { BrokerEvents } from '../types.ts'

const EVENTS_MAX = 100

export class LetterNews {
  #events: BrokerEvents['deadLettered'][] = []
  #omitted = 0

  add(event: BrokerEvents['deadLettered']): void {
    if (this.#events.length < EVENTS_MAX) this.#events.push(event)
    else this.#omitted++
  }

  get isEmpty(): boolean {
    return this.#events.length === 0
  }

  /** All of them, to be told. */
  take(): HostNotice {
    const notice: HostNotice = { kind: 'deadLettered', events: this.#events, omitted: this.#omitted }
    this.#events = []
    this.#omitted = 0
    return notice
  }
}
