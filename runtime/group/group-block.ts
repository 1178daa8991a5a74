/**
 * The shared block of one group on one partition: what its actor must find again after the partition host's death.
 *
 * Written by the partition host's thread only, read by its successor; plain accesses (a thread's exit orders them).
 * Layout: layout.ts. An entry's offset is stored last when it is added and cleared first when it is removed, so that a
 * death in between leaves the entry out or whole.
 */

import type { Memory } from 'sharedarraybuffer-ring'
import {
  FAILURE_ATTEMPTS,
  FAILURE_BYTES,
  FAILURE_DELIVERY,
  FAILURE_FIRST_MS,
  FAILURE_LAST_MS,
  FAILURE_NOT_BEFORE_MS,
  FAILURE_NOT_BEFORE_WALL_MS,
  FAILURE_OFFSET,
  FAILURE_STATE,
  FAILURES_MAX,
  GROUP_CHARGED_ATTEMPT,
  GROUP_CHARGED_OFFSET,
  GROUP_CLOSED,
  GROUP_COMMITTED,
  GROUP_DEAD_LETTERED,
  GROUP_FAILED,
  GROUP_LEDGER,
  GROUP_OPENED,
  GROUP_PASSED_OVER,
  GROUP_PIN,
  GROUP_SKIPPED,
  GROUP_TABLE,
} from '../wire/layout.ts'
import { Ledger } from '../wire/ledger.ts'
import type { DeadLetterReason } from '../words/broker-events.ts'
import type { Epoch, Offset, Position } from '../words/quantities.ts'
import type { Failure } from './group-cursor.ts'
import type { HandOut } from './hand-over.ts'

const STATES: readonly Failure['state'][] = ['retry', 'dying', 'dead']
/** In the word's upper half, from 1; 0: none. */
const REASONS: readonly DeadLetterReason[] = [
  'failed',
  'rejected',
  'expired',
  'timeout',
  'crashed',
  'decode',
  'delivery-limit',
]

export class GroupBlock {
  readonly address: number
  /** What readers said of records from the committed offset on. */
  readonly ledger: Ledger
  readonly #memory: Memory

  constructor(memory: Memory, address: number) {
    this.#memory = memory
    this.address = address
    this.ledger = new Ledger(memory, address + GROUP_LEDGER)
  }

  /** Address of the word that gates the window while no slot is open. */
  get pinAddress(): number {
    return this.address + GROUP_PIN
  }

  get opened(): boolean {
    return this.#memory.i32[(this.address + GROUP_OPENED) >> 2] === 1
  }

  markOpened(): void {
    this.#memory.i32[(this.address + GROUP_OPENED) >> 2] = 1
  }

  get closedEpoch(): number {
    return this.#memory.i32[(this.address + GROUP_CLOSED) >> 2] as number
  }

  /** All that the slot of this epoch had to say is in this block. Last, so that a death before it changes nothing. */
  close(epoch: Epoch, charged: HandOut | null): void {
    this.#set(GROUP_CHARGED_OFFSET, charged?.offset ?? 0)
    this.#memory.i32[(this.address + GROUP_CHARGED_ATTEMPT) >> 2] = charged?.deliveryAttempt ?? 0
    this.#memory.i32[(this.address + GROUP_CLOSED) >> 2] = epoch
  }

  /** The hand-out that a crash is to be charged to; null: none, or it has been. */
  get charged(): HandOut | null {
    const deliveryAttempt = this.#memory.i32[(this.address + GROUP_CHARGED_ATTEMPT) >> 2] as number
    return deliveryAttempt === 0 ? null : { offset: this.#get(GROUP_CHARGED_OFFSET), deliveryAttempt }
  }

  /** It has been charged. */
  discharge(): void {
    this.#memory.i32[(this.address + GROUP_CHARGED_ATTEMPT) >> 2] = 0
  }

  get pin(): Position {
    return this.#memory.load(this.address + GROUP_PIN)
  }

  set pin(position: Position) {
    this.#memory.store(this.address + GROUP_PIN, position)
  }

  #get(field: number): number {
    return this.#memory.f64[(this.address + field) >> 3] as number
  }

  #set(field: number, value: number): void {
    this.#memory.f64[(this.address + field) >> 3] = value
  }

  get committed(): Offset {
    return this.#get(GROUP_COMMITTED)
  }

  set committed(offset: Offset) {
    this.#set(GROUP_COMMITTED, offset)
  }

  get skipped(): number {
    return this.#get(GROUP_SKIPPED)
  }

  set skipped(records: number) {
    this.#set(GROUP_SKIPPED, records)
  }

  get passedOver(): number {
    return this.#get(GROUP_PASSED_OVER)
  }

  set passedOver(records: number) {
    this.#set(GROUP_PASSED_OVER, records)
  }

  get deadLettered(): number {
    return this.#get(GROUP_DEAD_LETTERED)
  }

  get failed(): number {
    return this.#get(GROUP_FAILED)
  }

  count(deadLettered: number, failed: number): void {
    this.#set(GROUP_DEAD_LETTERED, deadLettered)
    this.#set(GROUP_FAILED, failed)
  }

  #entry(index: number): number {
    return this.address + GROUP_TABLE + index * FAILURE_BYTES
  }

  #find(key: number): number {
    for (let index = 0; index < FAILURES_MAX; index++) {
      if (this.#memory.f64[(this.#entry(index) + FAILURE_OFFSET) >> 3] === key) return this.#entry(index)
    }
    return -1
  }

  keep(failure: Failure): void {
    const known = this.#find(failure.offset + 1)
    const at = known === -1 ? this.#find(0) : known
    if (at === -1) throw new Error('broken invariant: more failures than the group block has room for')
    const { f64, i32 } = this.#memory
    f64[(at + FAILURE_FIRST_MS) >> 3] = failure.firstMs
    f64[(at + FAILURE_LAST_MS) >> 3] = failure.lastMs
    f64[(at + FAILURE_NOT_BEFORE_MS) >> 3] = failure.notBeforeMs
    f64[(at + FAILURE_NOT_BEFORE_WALL_MS) >> 3] = failure.notBeforeWallMs
    i32[(at + FAILURE_ATTEMPTS) >> 2] = failure.failedAttempts
    const reason = failure.reason === null ? 0 : REASONS.indexOf(failure.reason) + 1
    i32[(at + FAILURE_STATE) >> 2] = STATES.indexOf(failure.state) | (reason << 16)
    i32[(at + FAILURE_DELIVERY) >> 2] = failure.deliveryAttempt
    f64[(at + FAILURE_OFFSET) >> 3] = failure.offset + 1
  }

  forget(offset: Offset): void {
    const at = this.#find(offset + 1)
    if (at !== -1) this.#memory.f64[(at + FAILURE_OFFSET) >> 3] = 0
  }

  failures(): Failure[] {
    const { f64, i32 } = this.#memory
    const found: Failure[] = []
    for (let index = 0; index < FAILURES_MAX; index++) {
      const at = this.#entry(index)
      const key = f64[(at + FAILURE_OFFSET) >> 3] as number
      if (key === 0) continue
      const state = i32[(at + FAILURE_STATE) >> 2] as number
      found.push({
        offset: key - 1,
        failedAttempts: i32[(at + FAILURE_ATTEMPTS) >> 2] as number,
        deliveryAttempt: i32[(at + FAILURE_DELIVERY) >> 2] as number,
        firstMs: f64[(at + FAILURE_FIRST_MS) >> 3] as number,
        lastMs: f64[(at + FAILURE_LAST_MS) >> 3] as number,
        notBeforeMs: f64[(at + FAILURE_NOT_BEFORE_MS) >> 3] as number,
        notBeforeWallMs: f64[(at + FAILURE_NOT_BEFORE_WALL_MS) >> 3] as number,
        reason: REASONS[(state >>> 16) - 1] ?? null,
        state: STATES[state & 0xffff] ?? 'retry',
      })
    }
    return found
  }
}
