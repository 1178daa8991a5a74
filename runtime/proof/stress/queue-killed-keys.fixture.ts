/**
 * What is known of the keys of a queue whose processes are killed: who has a key, and in which order its messages come. Pure.
 *
 * The parent. A key is had by the message that was begun, until that ends for good, or waits no more for its retry. A message that was given back
 * has no key, and goes before the next one. What was delayed has no place among the others: it comes when it is due.
 * Bound: a few words for each key.
 */
import { laneOf } from './queue-killed.fixture.ts'

interface Lane {
  /** The life to which `holder` and `last` belong. */
  life: number
  holder: string | undefined
  /** Offsets: of the last one begun in that life, and of the latest one that has ended for good in whichever life. */
  last: number
  ended: number
}

export class KilledKeys {
  readonly #say: (problem: string) => void
  readonly #lanes = new Map<number, Lane>()

  constructor(say: (problem: string) => void) {
    this.#say = say
  }

  begin(life: number, key: string, offset: number, isDelayed: boolean): void {
    const lane = this.#of(key)
    if (lane === undefined) return
    if (lane.life !== life) Object.assign(lane, { life, holder: undefined, last: -1 })
    if (lane.holder !== undefined && lane.holder !== key)
      this.#say(`${key} was begun in life ${life}, and ${lane.holder} had its key`)
    lane.holder = key
    if (isDelayed) return
    if (offset < lane.last) this.#say(`${key} (offset ${offset}) came after ${lane.last} of its key in life ${life}`)
    if (offset < lane.ended)
      this.#say(`${key} (offset ${offset}) came after ${lane.ended} of its key had ended for good`)
    lane.last = offset
  }

  /** It was given back, has ended, or may have been taken back while it waited for its retry. */
  leave(key: string): void {
    const lane = this.#of(key)
    if (lane?.holder === key) lane.holder = undefined
  }

  /** It has ended for good, and that was confirmed: what came before it has, too. */
  confirm(key: string, offset: number, isDelayed: boolean): void {
    const lane = this.#of(key)
    if (lane !== undefined && !isDelayed) lane.ended = Math.max(lane.ended, offset)
  }

  /** All that waited for a retry may be gone. */
  leaveAll(): void {
    for (const lane of this.#lanes.values()) lane.holder = undefined
  }

  #of(key: string): Lane | undefined {
    const number = laneOf(Number(key.split(':')[1]))
    if (number === -1) return undefined
    const lane = this.#lanes.get(number) ?? { life: -1, holder: undefined, last: -1, ended: -1 }
    this.#lanes.set(number, lane)
    return lane
  }
}
