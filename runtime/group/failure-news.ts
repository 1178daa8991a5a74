/**
 * Failures of handlers that are tried again, as they are told: the first of a group at once, later ones by their number.
 *
 * The partition host's thread. What becomes a dead letter is told as that. Bound: the last failure of each group.
 */

import { News } from '../base/news.ts'
import type { GroupPlace } from '../wire/places.ts'
import type { BrokerEvents } from '../words/broker-events.ts'
import type { ErrorWire } from '../words/errors.ts'
import type { Offset } from '../words/quantities.ts'

/** A failure that is told. */
export interface FailedAttempt {
  readonly offset: Offset
  readonly failedAttempts: number
}

interface Last {
  readonly news: News
  place: GroupPlace
  failure: FailedAttempt
  error: string
}

export class FailureNews {
  readonly #groups = new Map<string, Last>()
  #untold = 0

  /** `error`: as JSON. */
  failed(place: GroupPlace, failure: FailedAttempt, error: string): void {
    const key = `${place.topicName}/${place.group}`
    let last = this.#groups.get(key)
    if (last === undefined) {
      last = { news: new News(), place, failure, error }
      this.#groups.set(key, last)
    } else if (last.news.isEmpty) Object.assign(last, { place, failure, error })
    last.news.add(1)
    this.#untold++
  }

  get isEmpty(): boolean {
    return this.#untold === 0
  }

  take(nowMs: number): BrokerEvents['attemptFailed'][] {
    const events: BrokerEvents['attemptFailed'][] = []
    for (const { news, place, failure, error } of this.#groups.values()) {
      const failures = news.take(nowMs)
      if (failures === 0) continue
      this.#untold -= failures
      const { message, stack } = JSON.parse(error) as ErrorWire
      const { topicName: topic, partition, group } = place
      const { offset, failedAttempts } = failure
      const event = { topic, partition, offset, group, failedAttempts, failures, message, stack: shortStack(stack) }
      events.push(place.queue === undefined ? event : { ...event, queue: topic })
    }
    return events
  }

  dueInMs(nowMs: number): number {
    let soonest = Number.POSITIVE_INFINITY
    for (const { news } of this.#groups.values()) soonest = Math.min(soonest, news.dueInMs(nowMs))
    return soonest
  }
}

const STACK_CHARS_MAX = 2_000

/** As much of a stack as an event carries; null: something without one was thrown. */
export function shortStack(stack: string | undefined): string | null {
  return stack === undefined ? null : stack.slice(0, STACK_CHARS_MAX)
}
