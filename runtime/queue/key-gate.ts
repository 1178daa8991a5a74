/**
 * Whose turn it is among messages of one key: so many of each key may be ready or out at a time, and the others wait behind them.
 *
 * The partition host's thread. Pure. A message has its turn from when it may be handed out until it is settled or is to be a dead letter,
 * also while it is out or waits for a retry. Then the one of its key that has waited longest has it. Those that wait stand in a list of
 * their key, in the order in which they came or fell due, and in no set of ready messages: so they hide no message of another key.
 *
 * A message without a key has its turn at once. With one turn for each key, messages of a key are handed out strictly in their order.
 *
 * Bound: key-table.ts and key-links.ts; one bit more for each message that waits where the oldest is to be found (`dropHead`).
 */
import type { PagePool } from '../base/page-pool.ts'
import type { DueOrder } from './due-order.ts'
import { KeyLinks } from './key-links.ts'
import { KeyTable } from './key-table.ts'
import type { QueueLog, QueuePolicy, WaitingMessage } from './queue-words.ts'
import { ReadyMessages } from './ready-messages.ts'

export class KeyGate {
  readonly #most: number
  readonly #log: QueueLog
  readonly #keys = new KeyTable()
  readonly #links = new KeyLinks()
  /** Those that wait and may make room for others; null: none is asked to. */
  readonly #droppable: ReadyMessages | null
  readonly #counts: Float64Array
  #size = 0

  constructor(policy: QueuePolicy, log: QueueLog, pool: PagePool, order: DueOrder) {
    this.#most = policy.keyConcurrency
    this.#log = log
    const { onFull, priorities } = policy
    this.#droppable = onFull === 'dropHead' ? new ReadyMessages(priorities, pool, 0, order, false) : null
    this.#counts = new Float64Array(priorities)
  }

  /** Messages that wait for their turn. */
  get size(): number {
    return this.#size
  }

  countOf(priority: number): number {
    return this.#counts[priority] as number
  }

  /** Whether it waits for its turn. */
  has(offset: number): boolean {
    return this.#links.has(offset)
  }

  /** A message came or fell due: whether it has its turn at once. If not, it waits here. */
  enter(hash: number, offset: number, priority: number): boolean {
    if (hash === 0) return true
    const keys = this.#keys
    const entry = this.#entryOf(hash)
    if ((keys.turns[entry] as number) < this.#most) {
      keys.turns[entry]!++
      keys.latest[entry] = offset
      return true
    }
    const last = keys.last[entry] as number
    this.#links.add(offset, last)
    if (last === -1) keys.first[entry] = offset
    keys.last[entry] = offset
    this.#counts[priority]!++
    this.#size++
    this.#droppable?.putBack(offset, priority)
    return false
  }

  /** For a queue that is rebuilt: a message has its turn, whatever waits. */
  hold(hash: number, offset: number): void {
    if (hash === 0) return
    const entry = this.#entryOf(hash)
    this.#keys.turns[entry]!++
    this.#keys.latest[entry] = offset
  }

  /** For a queue that is rebuilt: a message that has its turn stands here. */
  passes(hash: number, offset: number): void {
    if (hash !== 0) this.#keys.latest[this.#keys.find(hash)] = offset
  }

  /** The message of a key that got its turn last. */
  latestOf(hash: number): number {
    return this.#keys.latest[this.#keys.find(hash)] as number
  }

  /** The turn of a message is over; the one of its key that has its turn now, or -1. */
  leave(hash: number): number {
    if (hash === 0) return -1
    const keys = this.#keys
    const entry = keys.find(hash)
    const turns = --keys.turns[entry]!
    const next = keys.first[entry] as number
    if (next === -1) {
      if (turns === 0) keys.remove(entry)
      return -1
    }
    if (turns >= this.#most) return -1
    keys.turns[entry] = turns + 1
    keys.latest[entry] = next
    this.#unlink(entry, next, this.#log.priorityOf(next))
    return next
  }

  /** A message that waits is gone. */
  remove(hash: number, offset: number, priority: number): void {
    this.#unlink(this.#keys.find(hash), offset, priority)
  }

  /** A message that waits has another priority, and keeps its place behind the others of its key. */
  changePriority(offset: number, before: number, priority: number): void {
    this.#counts[before]!--
    this.#counts[priority]!++
    if (this.#droppable?.remove(offset, before)) this.#droppable.putBack(offset, priority)
  }

  /** The oldest that waits of the lowest priority, where messages may make room; null: there is none. */
  oldestOfLowest(): WaitingMessage | null {
    return this.#droppable?.oldestOfLowest() ?? null
  }

  /** It may make room, and is not found a second time; it keeps its place. */
  choose({ offset, priority }: WaitingMessage): void {
    this.#droppable?.remove(offset, priority)
  }

  /** It was chosen, and stays. */
  putBack({ offset, priority }: WaitingMessage): void {
    this.#droppable?.putBack(offset, priority)
  }

  #entryOf(hash: number): number {
    const entry = this.#keys.find(hash)
    return entry === -1 ? this.#keys.add(hash) : entry
  }

  #unlink(entry: number, offset: number, priority: number): void {
    const keys = this.#keys
    const links = this.#links
    if (keys.first[entry] === offset) keys.first[entry] = links.behind(offset)
    if (keys.last[entry] === offset) keys.last[entry] = links.before(offset)
    links.remove(offset)
    this.#counts[priority]!--
    this.#size--
    this.#droppable?.remove(offset, priority)
  }
}
