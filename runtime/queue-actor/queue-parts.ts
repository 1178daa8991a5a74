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
import type { QueueEffect, QueuePolicy } from '../queue/queue-words.ts'
import { FAULT_POINT } from '../wire/layout.ts'
import type { GroupPlace } from '../wire/places.ts'
import type { QueueShape } from '../wire/queue-places.ts'
import type { BrokerEvents } from '../words/broker-events.ts'
import type { Offset } from '../words/quantities.ts'
import { MessageIndex } from './message-index.ts'
import { messageWord, SETTLED } from './message-word.ts'
import { type Counted, QueueBlock } from './queue-block.ts'
import type { QueueConsumer } from './queue-consumer.ts'
import { QueueLetters } from './queue-letters.ts'
import { coreFrom, indexWindow } from './queue-rebuild.ts'
import { WindowCleaner } from './window-cleaner.ts'

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
  /** Messages came: it is to have a step. */
  woken(): void
  /** Its partition may take what had no room. */
  hasRoom(): void
  fault(point: number): void
}

export class QueueParts {
  readonly place: GroupPlace
  readonly partition: PartitionActor
  readonly target: PartitionActor | null
  readonly policy: QueuePolicy
  readonly upcalls: QueueUpcalls
  readonly block: QueueBlock
  readonly index: MessageIndex
  readonly cleaner: WindowCleaner
  readonly letters: QueueLetters
  readonly consumers: Map<number, QueueConsumer> = new Map()
  #core: QueueCore | null = null

  constructor(
    memory: Memory,
    place: GroupPlace,
    shape: QueueShape,
    [partition, target]: readonly [PartitionActor, PartitionActor | null],
    upcalls: QueueUpcalls,
  ) {
    if (place.queue === undefined) throw new Error(`broken invariant: group ${place.group} is no queue`)
    const { window, reader } = partition
    this.place = place
    this.partition = partition
    this.target = target
    this.upcalls = upcalls
    this.policy = policyOf(place, shape, window.capacity / 2)
    this.block = new QueueBlock(memory, place.block, place.queue.messages)
    this.index = new MessageIndex(reader, this.block, partition.highWatermark)
    indexWindow(window, reader, this.block, this.index)
    window.gates.push(this.block.gateAddress)
    this.cleaner = new WindowCleaner([window, reader], this.block, this.index, point => upcalls.fault(point))
    this.letters = new QueueLetters(place, partition, target, this.index, event => upcalls.deadLettered(event))
  }

  get core(): QueueCore {
    this.open()
    return this.#core as QueueCore
  }

  /** Whether what a predecessor left was looked at. */
  get isOpen(): boolean {
    return this.#core !== null
  }

  /** All consumers that a predecessor had are known: what it handed out is known by its names from now on. */
  open(): void {
    this.#core ??= this.#open()
  }

  #open(): QueueCore {
    this.block.recover(offset => this.index.wordOf(offset) === SETTLED)
    const core = coreFrom(this.policy, this.block, this.index, [...this.consumers.values()])
    this.#keepActive(core)
    if (core.figures.lettersWaiting > 0) this.letters.takeOver()
    return core
  }

  /** A consumer came or has left: a successor is to know who has the queue. */
  keepActive(): void {
    this.#keepActive(this.core)
  }

  #keepActive({ figures }: QueueCore): void {
    if (!this.policy.singleActive) return
    for (const { number, place } of this.consumers.values())
      if (number === figures.active) this.block.active = place.epoch
  }

  /** The core has settled it. */
  settled(offset: Offset): void {
    this.index.setWord(offset, SETTLED)
  }

  /** The same, and it was not acked. */
  settledAs(counter: Counted, offset: Offset): void {
    this.block.count(counter, offset, () => {
      this.settled(offset)
      this.upcalls.fault(FAULT_POINT.betweenIntentAndCount)
    })
  }

  #tellLoop(offset: Offset): void {
    const { topic, topicName: queue } = this.place
    const { handOuts: deliveryAttempts, failures: failedAttempts } = this.core.attemptOf(offset)
    this.upcalls.looping({ queue, id: `${topic}.${offset}`, deliveryAttempts, failedAttempts })
  }

  /** What the core says of a message that was not acked. `error` as JSON; '': it did not fail. */
  tookEffect(effect: QueueEffect, error: string): void {
    const { offset, kind } = effect
    if (kind === 'dropped') this.settledAs('dropped', offset)
    else this.index.setWord(offset, messageWord(this.core.attemptOf(offset)))
    if (kind === 'returned') {
      if (effect.looping) this.#tellLoop(offset)
      return
    }
    this.block.countFailure()
    if (kind === 'dying') this.letters.dies(offset, error)
    else this.upcalls.attemptFailed(effect, error)
  }
}

function policyOf({ policy }: GroupPlace, shape: QueueShape, bytes: number): QueuePolicy {
  const { attempts, hasDeadLetters, initialMs, maxMs, jitter } = policy
  const { priorities, maxMessages, maxBytes, onFull, singleActive } = shape
  return {
    priorities,
    attempts,
    backoff: { initialMs, maxMs, jitter },
    hasDeadLetters,
    maxMessages,
    maxBytes: Math.min(maxBytes, bytes),
    onFull,
    singleActive,
    heldMax: HELD_MAX,
    loopingAfter: LOOPING_AFTER,
  }
}
