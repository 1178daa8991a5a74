/**
 * What a queue is made of on its partition host, and the two moves by which a message ends there: it is settled, or it comes back.
 *
 * The partition host's thread. The core decides first, and then the word of the message says so, which a successor reads. The core is made
 * when it is first asked for, because all consumers that a predecessor had must be known by then.
 */
import type { Memory } from 'sharedarraybuffer-ring'
import type { FailedAttempt } from '../group/failure-news.ts'
import type { PartitionActor } from '../partition/partition-actor.ts'
import type { QueueCore } from '../queue/queue-core.ts'
import type { QueueEffect, QueueLetter, QueuePolicy } from '../queue/queue-words.ts'
import type { GroupPlace } from '../wire/places.ts'
import type { QueueShape } from '../wire/queue-places.ts'
import type { BrokerEvents } from '../words/broker-events.ts'
import type { Offset } from '../words/quantities.ts'
import { CancelledOut } from './cancelled-out.ts'
import type { CoreClaim } from './consumer-claims.ts'
import type { KnownIds } from './id-gate.ts'
import type { KeptMessages } from './kept-messages.ts'
import { MemoryMessages } from './memory-messages.ts'
import type { MessageFacts } from './message-facts.ts'
import type { MessageSource } from './message-source.ts'
import type { QueueConsumer } from './queue-consumer.ts'
import { drop } from './queue-drops.ts'
import { QueueLetters } from './queue-letters.ts'
import { type Callers, QueueRequests } from './queue-requests.ts'
import { StoredMessages } from './stored-messages.ts'

/** Messages that wait for a retry or a dead letter; at the bound none goes out that was not out before. */
const HELD_MAX = 1_024
const LOOPING_AFTER = 100

/** What the queue needs of its host. */
export interface QueueUpcalls {
  deadLettered(event: BrokerEvents['deadLettered']): void
  /** A failure that is tried again, or counted and gone; `error` as JSON. */
  attemptFailed(failure: FailedAttempt, error: string): void
  /** A message came back again and again. */
  looping(event: BrokerEvents['looping']): void
  /** Consumers were handed something, and more waits: they are to say soon what they have ended. */
  handedOut(): void
  /** Messages came: it is to have a step. */
  woken(): void
  /** Its partition may take what had no room. */
  hasRoom(): void
  fault(point: number): void
  /** Who waits for answers. */
  readonly callers: Callers
}

const CRASHED = JSON.stringify({
  name: 'MillraceError',
  message: 'its process ended twice while this message alone was handled',
})

const UNAWAITED = JSON.stringify({
  name: 'MillraceError',
  message: 'its time is over, and the sender of the request waits for the answer no more',
})

const EXPIRED = JSON.stringify({
  name: 'MillraceError',
  message: 'its time to live is over, and no consumer got it before; the queue has no dead-letter topic',
})

export class QueueParts {
  readonly place: GroupPlace
  readonly partition: PartitionActor
  readonly target: PartitionActor | null
  readonly policy: QueuePolicy
  readonly upcalls: QueueUpcalls
  readonly messages: KeptMessages
  readonly source: MessageSource
  readonly facts: MessageFacts
  readonly letters: QueueLetters
  readonly requests: QueueRequests
  readonly consumers: Map<number, QueueConsumer> = new Map()
  readonly cancelledOut: CancelledOut = new CancelledOut()
  #core: QueueCore | null = null
  /** Ends that were acted upon, and are not written down. */
  #concluded: { readonly consumer: QueueConsumer; readonly tag: number; readonly acked: number }[] = []

  constructor(
    memory: Memory,
    place: GroupPlace,
    shape: QueueShape,
    [partition, target]: readonly [PartitionActor, PartitionActor | null],
    upcalls: QueueUpcalls,
  ) {
    if (place.queue === undefined) throw new Error(`broken invariant: group ${place.group} is no queue`)
    this.place = place
    this.partition = partition
    this.target = target
    this.upcalls = upcalls
    const { disk } = partition
    this.policy = policyOf(place, shape, disk === null ? partition.window.capacity / 2 : Number.POSITIVE_INFINITY)
    this.messages =
      disk === null
        ? new MemoryMessages(memory, partition, this.policy, [place.block, place.queue.messages], upcalls.fault)
        : new StoredMessages(memory, [partition, target], disk, this.policy, place)
    this.source = this.messages.source
    this.facts = this.messages.facts
    this.requests = new QueueRequests(this.source, upcalls.callers)
    const tell = (event: BrokerEvents['deadLettered']): void => upcalls.deadLettered(event)
    this.letters = new QueueLetters(place, target, this.source, tell, () => this.messages.sync())
  }

  get core(): QueueCore {
    this.open()
    return this.#core as QueueCore
  }

  /** Of a queue whose messages have ids. */
  get ids(): KnownIds {
    this.open()
    const { ids } = this.messages
    if (ids === null) throw new Error(`broken invariant: queue ${this.place.topicName} knows no ids`)
    return ids
  }

  /** Whether what a predecessor left was looked at. */
  get isOpen(): boolean {
    return this.#core !== null
  }

  /** All consumers that a predecessor had are known: what it handed out is known by its names from now on. */
  open(): void {
    if (this.#core !== null) return
    this.#core = this.#open()
    for (const effect of this.messages.opened()) this.#toldOf(effect, CRASHED)
  }

  #open(): QueueCore {
    const core = this.messages.core([...this.consumers.values()])
    this.#keepActive(core)
    // On disk, those whose letters are written are settled by now (left-letters.ts).
    if (!this.messages.defers && core.figures.lettersWaiting > 0) this.letters.takeOver()
    return core
  }

  /** A consumer came or has left: a successor is to know who has the queue. */
  keepActive(): void {
    this.#keepActive(this.core)
  }

  #keepActive({ figures }: QueueCore): void {
    if (!this.policy.singleActive) return
    for (const { number, place } of this.consumers.values())
      if (number === figures.active) this.facts.active = place.epoch
  }

  /** A message that was not begun goes back as if it had not been handed out. */
  takeBack(consumer: number, offset: Offset, { slot, tag }: CoreClaim): void {
    const effect = this.core.takeBack(consumer, slot, tag)
    if (effect?.kind === 'returned') this.facts.takenBack(offset, this.core.attemptOf(offset))
    else if (effect !== null) this.tookEffect(effect, '')
  }

  /** These are to make room; how many of the first of them are gone. */
  drop(chosen: readonly QueueLetter[]): number {
    return drop(this, chosen)
  }

  #tellLoop(offset: Offset): void {
    const { topic, topicName: queue } = this.place
    const { handOuts: deliveryAttempts, failures: failedAttempts } = this.core.attemptOf(offset)
    this.upcalls.looping({ queue, id: `${topic}.${offset}`, deliveryAttempts, failedAttempts })
  }

  /** What the core says of a message that was not acked. `error` as JSON; '': it did not fail. */
  tookEffect(effect: QueueEffect, error: string): void {
    const { offset, kind } = effect
    this.#answers(effect, error)
    // It failed when its time to live was over.
    if (kind === 'dropped' || kind === 'expired' || kind === 'cancelled') this.facts.settledAs(kind, offset)
    else this.facts.cameBack(offset, this.core.attemptOf(offset))
    if (kind === 'cancelled') {
      this.cancelledOut.add(offset)
      return
    }
    if (kind === 'returned') {
      if (effect.looping) this.#tellLoop(offset)
      return
    }
    this.facts.countFailure()
    this.#toldOf(effect, error)
  }

  /** Tells who waits for it of a message that is not tried again. */
  #answers(effect: QueueEffect, error: string): void {
    const { kind, offset } = effect
    if (kind === 'dying' || kind === 'dropped') this.requests.ended(offset, effect.reason, error)
    else if (kind === 'expired' || kind === 'cancelled') this.requests.ended(offset, kind, error)
  }

  /** What the core says of a message whose time to live is over: it is to be a dead letter, or gone, and has not failed. */
  expired(effect: QueueEffect): void {
    const { offset } = effect
    this.requests.ended(offset, 'expired')
    if (effect.kind !== 'expired') {
      this.facts.cameBack(offset, this.core.attemptOf(offset))
      return
    }
    this.facts.settledAs('expired', offset)
    // Where there are dead letters, only a request leaves none.
    this.upcalls.attemptFailed(effect, this.policy.hasDeadLetters ? UNAWAITED : EXPIRED)
  }

  #toldOf(effect: Exclude<QueueEffect, { readonly kind: 'returned' | 'cancelled' }>, error: string): void {
    if (effect.kind === 'dying') this.letters.dies(effect.offset, error)
    else this.upcalls.attemptFailed(effect, error)
  }

  /**
   * The end of a hand-out was acted upon: its claim is free, at once or when that is written down. `acked`: the same of so many acks, from
   * this tag on; 0: of one end, however it was said.
   */
  over(consumer: QueueConsumer, tag: number, acked: number): void {
    if (!this.messages.defers) {
      free(consumer, tag, acked)
      return
    }
    consumer.concluded(tag, Math.max(1, acked))
    this.#concluded.push({ consumer, tag, acked })
  }

  /** What was concluded is written down. */
  freeConcluded(): void {
    for (const { consumer, tag, acked } of this.#concluded) free(consumer, tag, acked)
    this.#concluded = []
  }
}

function free(consumer: QueueConsumer, tag: number, acked: number): void {
  if (acked === 0) consumer.over(tag)
  else consumer.runIsOver(tag, acked)
}

function policyOf({ policy }: GroupPlace, shape: QueueShape, bytes: number): QueuePolicy {
  const { attempts, hasDeadLetters, initialMs, maxMs, jitter } = policy
  const { priorities, maxMessages, maxBytes, onFull, singleActive, keyConcurrency, keyOrder, rate } = shape
  return {
    priorities,
    attempts,
    backoff: { initialMs, maxMs, jitter },
    hasDeadLetters,
    maxMessages,
    maxBytes: Math.min(maxBytes, bytes),
    onFull,
    singleActive,
    keyConcurrency,
    keyOrder,
    rate,
    heldMax: HELD_MAX,
    loopingAfter: LOOPING_AFTER,
  }
}
