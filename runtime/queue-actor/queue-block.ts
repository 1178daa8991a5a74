/**
 * The shared block of a queue: how far its window is needed, and its rare counters.
 *
 * ```
 * +0   GATE      position of the oldest frame that is still needed; gates the window
 * +4   CLOSING   epoch of the consumer whose end was begun last
 * +8   f64 for each of COUNTED but the last
 * +40  f64 FAILURES, one too few at most for each host that died
 * +48  f64 INTENT offset + 1; 0: none   +56 i32 which counter   +64 f64 what it counts with this message
 * +72  ACTIVE    epoch of the consumer that has the queue, if one alone has it; 0: none had
 * +80  f64 for the last of COUNTED
 * +256 a word for each message of the window (message-word.ts), at its offset modulo their number
 *      behind them: what was updated of messages (update-block.ts)
 * ```
 *
 * The partition host's thread alone writes it, its successor reads it. A message that is settled and counted takes two stores. The
 * intent before them says what the counter is to be, so that a successor counts it if it is settled, and once.
 */
import type { Memory } from 'sharedarraybuffer-ring'
import { QUEUE_BLOCK_BYTES } from '../wire/layout.ts'
import { updateBlockAddress, updateEntries } from '../wire/queue-places.ts'
import type { Epoch, Offset, Position } from '../words/quantities.ts'
import type { Counted } from './message-facts.ts'
import { UpdateBlock } from './update-block.ts'

const CLOSING = 4
const COUNTERS = 8
const FAILURES = 40
const INTENT = 48
const INTENT_COUNTER = 56
const INTENT_VALUE = 64
const ACTIVE = 72
const EXPIRED = 80

/** Ways in which a message is settled that are counted here; all others were acked. */
const COUNTED = ['deadLettered', 'dropped', 'purged', 'cancelled', 'expired'] as const satisfies readonly Counted[]
const PLACES: readonly number[] = [COUNTERS, COUNTERS + 8, COUNTERS + 16, COUNTERS + 24, EXPIRED]

export class QueueBlock {
  readonly #memory: Memory
  readonly #address: number
  /** Index of the word of the first message. */
  readonly #words: number
  readonly #mask: number
  readonly updates: UpdateBlock

  constructor(memory: Memory, address: number, messages: number) {
    this.#memory = memory
    this.#address = address
    this.#words = (address + QUEUE_BLOCK_BYTES) >> 2
    this.#mask = messages - 1
    this.updates = new UpdateBlock(memory, updateBlockAddress(address, messages), updateEntries(messages))
  }

  /** Messages that the window may have. */
  get messages(): number {
    return this.#mask + 1
  }

  /** Address of the word that gates the window. */
  get gateAddress(): number {
    return this.#address
  }

  get gate(): Position {
    return this.#memory.i32[this.#address >> 2] as number
  }

  set gate(position: Position) {
    this.#memory.store(this.#address, position)
  }

  get closing(): Epoch {
    return this.#memory.i32[(this.#address + CLOSING) >> 2] as number
  }

  set closing(epoch: Epoch) {
    this.#memory.i32[(this.#address + CLOSING) >> 2] = epoch
  }

  get active(): Epoch {
    return this.#memory.i32[(this.#address + ACTIVE) >> 2] as number
  }

  set active(epoch: Epoch) {
    this.#memory.i32[(this.#address + ACTIVE) >> 2] = epoch
  }

  /** Failed attempts of all messages. */
  get failures(): number {
    return this.#memory.f64[(this.#address + FAILURES) >> 3] as number
  }

  countFailure(): void {
    this.#memory.f64[(this.#address + FAILURES) >> 3]!++
  }

  wordOf(offset: Offset): number {
    return this.#memory.i32[this.#words + (offset & this.#mask)] as number
  }

  setWord(offset: Offset, word: number): void {
    this.#memory.i32[this.#words + (offset & this.#mask)] = word
  }

  countOf(counter: Counted): number {
    return this.#memory.f64[this.#indexOf(counter)] as number
  }

  /** Settles a message with `settle`, and counts it. */
  count(counter: Counted, offset: Offset, settle: () => void): void {
    const value = this.countOf(counter) + 1
    const { f64, i32 } = this.#memory
    i32[(this.#address + INTENT_COUNTER) >> 2] = COUNTED.indexOf(counter)
    f64[(this.#address + INTENT_VALUE) >> 3] = value
    f64[(this.#address + INTENT) >> 3] = offset + 1
    settle()
    this.#set(counter, value)
    f64[(this.#address + INTENT) >> 3] = 0
  }

  /** Finishes what a predecessor began; `isSettled`: whether a message is. */
  recover(isSettled: (offset: Offset) => boolean): void {
    const { f64, i32 } = this.#memory
    const offset = (f64[(this.#address + INTENT) >> 3] as number) - 1
    if (offset === -1) return
    const counter = COUNTED[i32[(this.#address + INTENT_COUNTER) >> 2] as number]
    if (counter !== undefined && isSettled(offset))
      this.#set(counter, f64[(this.#address + INTENT_VALUE) >> 3] as number)
    f64[(this.#address + INTENT) >> 3] = 0
  }

  #set(counter: Counted, value: number): void {
    this.#memory.f64[this.#indexOf(counter)] = value
  }

  #indexOf(counter: Counted): number {
    return (this.#address + (PLACES[COUNTED.indexOf(counter)] as number)) >> 3
  }
}
