/**
 * The local time of a time zone, by the data that Node.js has.
 *
 * Pure, any thread. A local time is written as the ms that the same numbers have in UTC. A local time that a zone leaves out is the
 * first instant after the gap, and one that a zone has twice is the first of the two.
 * Bound: one change of a zone's offset within 48 hours; no zone has had two since 1970.
 */

const DAY_MS = 86_400_000

/** One time zone. */
export class Zone {
  readonly #format: Intl.DateTimeFormat

  /** The zone of this IANA name. @throws RangeError where Node.js knows none. */
  constructor(timeZone: string) {
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  }

  /** Local time at an instant. */
  localOf(atMs: number): number {
    const fields: Record<string, number> = {}
    for (const { type, value } of this.#format.formatToParts(atMs)) fields[type] = Number(value)
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = fields
    return Date.UTC(year, month - 1, day, hour, minute, second) + (((atMs % 1000) + 1000) % 1000)
  }

  /** The first instant at which it is this local time, or later than it. */
  instantOf(localMs: number): number {
    const before = this.#offsetAt(localMs - DAY_MS)
    const after = this.#offsetAt(localMs + DAY_MS)
    for (const offset of [Math.max(before, after), Math.min(before, after)]) {
      if (this.localOf(localMs - offset) === localMs) return localMs - offset
    }
    return this.#changeBetween(localMs - DAY_MS, localMs + DAY_MS)
  }

  /** The first local time in whole ms that no instant up to this one has had. */
  unseenFrom(atMs: number): number {
    const local = this.localOf(atMs)
    const first = this.instantOf(local)
    if (first >= atMs) return local + 1
    return this.#changeBetween(first, atMs) + this.#offsetAt(first)
  }

  #offsetAt(atMs: number): number {
    return this.localOf(atMs) - atMs
  }

  /** The first instant after `fromMs` that has another offset; `toMs` has it. */
  #changeBetween(fromMs: number, toMs: number): number {
    const offset = this.#offsetAt(fromMs)
    let low = fromMs
    let high = toMs
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2)
      if (this.#offsetAt(middle) === offset) low = middle
      else high = middle
    }
    return high
  }
}
