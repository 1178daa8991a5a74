/**
 * What a partition host tells of its groups without being asked: dead letters, failures, records that they passed over.
 *
 * The partition host's thread, once in each pass. What may happen to each record of a topic is told the first time at once, and
 * later with how often. Bound: EVENTS_MAX dead letters in a pass; more are counted.
 */
import { nowMs } from '../../actors/world.ts'
import { type FailedAttempt, FailureNews } from '../group/failure-news.ts'
import type { GroupActor } from '../group/group-actor.ts'
import type { Standing } from '../resident/resident.ts'
import type { HostNotice } from '../wire/host-calls.ts'
import type { GroupPlace } from '../wire/places.ts'
import type { BrokerEvents } from '../words/broker-events.ts'
import { Chore } from './chore.ts'

/** Dead letters told one by one in a pass; more are counted. */
const EVENTS_MAX = 100

export class HostNews extends Chore {
  readonly #failures = new FailureNews()
  readonly #tell: (notice: HostNotice) => void
  readonly #keep: () => void
  #events: BrokerEvents['deadLettered'][] = []
  #omitted = 0

  /** `keep` writes down how far groups are: whoever opens one next must not be asked about a dead letter that was told. */
  constructor(tell: (notice: HostNotice) => void, keep: () => void) {
    super()
    this.#tell = tell
    this.#keep = keep
  }

  deadLettered(event: BrokerEvents['deadLettered']): void {
    if (this.#events.length < EVENTS_MAX) this.#events.push(event)
    else this.#omitted++
    this.wake()
  }

  /** `error`: as JSON. */
  attemptFailed(place: GroupPlace, failure: FailedAttempt, error: string): void {
    this.#failures.failed(place, failure, error)
    this.wake()
  }

  /** Once: who opens the group again in this process goes on where it was. */
  opened({ place: { topicName: topic, partition, group }, passedOver }: GroupActor): void {
    if (passedOver === null || passedOver.records === 0) return
    this.#tell({ kind: 'passedOver', event: { topic, partition, group, ...passedOver } })
  }

  work(): boolean {
    if (this.#events.length > 0) this.#tellDeadLetters()
    if (this.#failures.isEmpty) return false
    for (const event of this.#failures.take(nowMs())) this.#tell({ kind: 'attemptFailed', event })
    return false
  }

  #tellDeadLetters(): void {
    this.#keep()
    this.#tell({ kind: 'deadLettered', events: this.#events, omitted: this.#omitted })
    this.#events = []
    this.#omitted = 0
  }

  standing(): Standing {
    return this.#events.length > 0 ? 'ready' : 'rests'
  }

  override dueInMs(nowMs: number): number {
    return Math.ceil(this.#failures.dueInMs(nowMs))
  }
}
