/**
 * Keeps the messages of a queue in the memory of its window: where they are, what is known of each, and the room for more.
 *
 * The partition host's thread. What is to be known of a message is one store into its word (message-word.ts), which a successor reads.
 * Bound: the messages of its block.
 */
import type { Memory } from 'sharedarraybuffer-ring'
import { nowMs } from '../../actors/world.ts'
import { IdTable } from '../base/id-table.ts'
import type { PartitionActor } from '../partition/partition-actor.ts'
import type { QueueGate } from '../partition/queue-keeping.ts'
import type { QueueCore } from '../queue/queue-core.ts'
import type { QueueAttempt, QueueLetter, QueuePolicy } from '../queue/queue-words.ts'
import { FAULT_POINT } from '../wire/layout.ts'
import { idBlockAddress } from '../wire/queue-places.ts'
import type { Epoch, Offset } from '../words/quantities.ts'
import { IdBlock } from './id-block.ts'
import type { KnownIds } from './id-gate.ts'
import type { KeptMessages, TakingQueue } from './kept-messages.ts'
import type { Counted, MessageFacts } from './message-facts.ts'
import { MessageIndex } from './message-index.ts'
import { messageWord, SETTLED } from './message-word.ts'
import { QueueBlock } from './queue-block.ts'
import type { QueueConsumer } from './queue-consumer.ts'
import { QueueIntake } from './queue-intake.ts'
import { coreFrom, indexWindow } from './queue-rebuild.ts'
import type { UpdateBlock } from './update-block.ts'
import { WindowCleaner } from './window-cleaner.ts'

export class MemoryMessages implements KeptMessages, MessageFacts {
  readonly defers = false
  readonly isPrepared = true
  readonly isDirty = false
  readonly error = null
  readonly source: MessageIndex
  readonly facts: MessageFacts = this
  readonly updates: UpdateBlock
  readonly block: QueueBlock
  readonly cleaner: WindowCleaner
  readonly ids: KnownIds | null
  readonly #partition: PartitionActor
  readonly #policy: QueuePolicy
  readonly #fault: (point: number) => void
  /** The number of the next message that falls due. */
  #falls = 0

  /** `messages`: what the block at this address has words for. `fault` stops here for ever if a test has armed this point. */
  constructor(
    memory: Memory,
    partition: PartitionActor,
    policy: QueuePolicy,
    [address, messages]: readonly [number, number],
    fault: (point: number) => void,
  ) {
    const { window, reader } = partition
    this.#partition = partition
    this.#policy = policy
    this.#fault = fault
    this.block = new QueueBlock(memory, address, messages)
    this.updates = this.block.updates
    this.source = new MessageIndex(window, reader, this.block, partition.highWatermark)
    indexWindow(window, reader, this.block, this.source)
    this.updates.takeOver(offset => this.source.wordOf(offset) === SETTLED)
    window.gates.push(this.block.gateAddress)
    this.cleaner = new WindowCleaner([window, reader], this.block, this.source, fault)
    this.ids = idsOf(memory, partition, idBlockAddress(address, messages))
  }

  core(consumers: readonly QueueConsumer[]): QueueCore {
    this.block.recover(offset => this.source.wordOf(offset) === SETTLED)
    const { core, lastFall } = coreFrom(this.#policy, this.block, this.source, consumers)
    this.#falls = lastFall + 1
    return core
  }

  prepare(): void {}

  intake(queue: TakingQueue): QueueGate {
    return new QueueIntake(queue, this)
  }

  someSettled(): void {
    this.cleaner.advance()
  }

  opened(): readonly [] {
    return []
  }

  takeChange(): null {
    return null
  }

  write(): true {
    return true
  }

  sync(): true {
    return true
  }

  attempt(act: () => void): true {
    act()
    return true
  }

  rest(): void {}

  close(): void {
    const { gates } = this.#partition.window
    const at = gates.indexOf(this.block.gateAddress)
    if (at !== -1) gates.splice(at, 1)
  }

  // -- what a successor is to know --------------------------------------------------------------------------------

  get closing(): Epoch {
    return this.block.closing
  }

  set closing(epoch: Epoch) {
    this.block.closing = epoch
  }

  get active(): Epoch {
    return this.block.active
  }

  set active(epoch: Epoch) {
    this.block.active = epoch
  }

  get failures(): number {
    return this.block.failures
  }

  countFailure(): void {
    this.block.countFailure()
  }

  /** It is on the table of its consumer's claims. */
  handedOut(): void {}

  fellDue(offsets: Float64Array, count: number, place: number): void {
    for (let at = 0; at < count; at++) this.source.fellDue(offsets[at] as Offset, { number: this.#falls++, place })
  }

  settled(offset: Offset): void {
    this.source.setWord(offset, SETTLED)
    this.updates.forget(offset)
  }

  settledAs(counter: Counted, offset: Offset): void {
    this.block.count(counter, offset, () => {
      this.settled(offset)
      this.#fault(FAULT_POINT.betweenIntentAndCount)
    })
  }

  cameBack(offset: Offset, attempt: QueueAttempt): void {
    this.source.setWord(offset, messageWord(attempt))
  }

  /** Its word has not changed since it was handed out. */
  takenBack(): void {}

  /** Until its letter is written, its message stays in the window. */
  dies({ offset, handOuts, failedAttempts: failures, reason: dying }: QueueLetter): true {
    this.source.setWord(offset, messageWord({ handOuts, failures, suspect: false, dying }))
    return true
  }

  stays(offset: Offset, attempt: QueueAttempt): void {
    this.source.setWord(offset, messageWord(attempt))
  }
}

/** Of a queue whose messages have none: null. */
function idsOf(memory: Memory, { topic: { queue }, highWatermark }: PartitionActor, address: number): KnownIds | null {
  const { dedupeMs = 0, dedupeMaxIds = 0 } = queue ?? {}
  if (dedupeMs === 0) return null
  const table = new IdTable(new IdBlock(memory, address, dedupeMaxIds), dedupeMs, dedupeMaxIds)
  // A predecessor may have died before it had taken their messages.
  table.cut(highWatermark)
  return { table, nowMs, committed: () => undefined }
}
