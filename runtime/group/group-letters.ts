/**
 * The dead letters of one group on one partition: writes them, keeps those that have to wait, and says when it stands still.
 *
 * The partition host's thread. When to say what is letter-room.ts.
 */
import { nowMs } from '../../actors/world.ts'
import type { AppendOutcome } from '../partition/appender.ts'
import type { PartitionActor } from '../partition/partition-actor.ts'
import type { GroupPlace } from '../wire/places.ts'
import type { BrokerEvents } from '../words/broker-events.ts'
import { FullError, type MillraceError } from '../words/errors.ts'
import type { AwaitingLetter } from './awaiting-letter.ts'
import type { GroupGate } from './group-gate.ts'
import { LetterRoom } from './letter-room.ts'
import { writeLetter } from './letter-writer.ts'

export class GroupLetters {
  readonly #place: GroupPlace
  readonly #source: PartitionActor
  readonly #target: PartitionActor | null
  readonly #gate: GroupGate
  readonly #tell: (event: BrokerEvents['deadLettered']) => void
  readonly #room = new LetterRoom()

  /** `target`: where they go; null: the group has no dead-letter topic, and none is ever written. */
  constructor(
    place: GroupPlace,
    source: PartitionActor,
    target: PartitionActor | null,
    gate: GroupGate,
    tell: (event: BrokerEvents['deadLettered']) => void,
  ) {
    this.#place = place
    this.#source = source
    this.#target = target
    this.#gate = gate
    this.#tell = tell
  }

  /** Whether some wait for a topic that is there. */
  get held(): boolean {
    return this.waiting > 0 && this.#target !== null
  }

  /** Records whose letters wait. */
  get waiting(): number {
    return this.#room.size
  }

  /** Whether the letter is written; if not, it waits. */
  write(dying: AwaitingLetter): boolean {
    const outcome = this.#append(dying)
    if (outcome === 'appended') this.#room.goesOn()
    else this.#room.wait(dying, outcome === 'full', nowMs())
    return outcome === 'appended'
  }

  #append(dying: AwaitingLetter): AppendOutcome {
    // A process before, or the topic that was deleted, has left it to whoever joins the group next.
    if (this.#target === null) return 'later'
    const written = writeLetter(this.#place, this.#source, this.#gate.pin, this.#target, dying)
    if (typeof written === 'string') return written
    this.#tell(written)
    return 'appended'
  }

  /** It is to be written when its group is next looked after. */
  wait(dying: AwaitingLetter): void {
    this.#room.wait(dying, false, nowMs())
  }

  /** All that wait, to be written now. */
  take(): AwaitingLetter[] {
    return this.#room.take()
  }

  /** None is to be written any more. */
  forget(): void {
    this.#room.take()
    this.#room.goesOn()
  }

  /** That the group stands still for want of room, when it is time to say so; null: it does not, or that was said. */
  takeStall(): BrokerEvents['stalled'] | null {
    const letters = this.#target
    if (this.waiting === 0 || letters === null) return null
    const now = nowMs()
    if (!this.#room.takeNews(now, letters.window.gates.length > 0)) return null
    const { topicName: topic, partition, group } = this.#place
    const lagBytes = (this.#source.window.end - this.#gate.pin) | 0
    return {
      topic,
      partition,
      group,
      waitedMs: this.#room.fullForMs(now),
      lagBytes,
      deadLetterTopic: letters.topic.name,
    }
  }

  /** After which there may be a stall to be told, in milliseconds. */
  get stallsInMs(): number {
    return this.waiting === 0 ? Number.POSITIVE_INFINITY : this.#room.newsInMs(nowMs())
  }

  /** What is said to whoever waits for a group that stands still; null: it may go on. */
  get stuck(): MillraceError | null {
    if (this.waiting === 0 || this.#target === null || !this.#room.isStuck(nowMs())) return null
    const { group, topicName, partition } = this.#place
    return new FullError(
      `group ${group} stands still in partition ${partition} of topic ${topicName}: a record is to be a dead letter, and dead-letter topic ${this.#target.topic.name} is full. Replay or purge letters (broker.deadLetters('${topicName}')), and it goes on`,
      undefined,
    )
  }
}
