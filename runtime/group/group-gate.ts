/**
 * What one group holds back of its partition's window: the bytes that it may need again are not overwritten.
 *
 * The partition host's thread. A topic in memory is gated: by the pin of the open slot, else by the pin in the group's
 * block, so that nothing is lost which the group has not settled. At most once, where readers leave behind what failed, the
 * block's pin gates beside the slot's while a dead letter waits for room. A topic on disk is never held back: all records
 * are in its log, and a slot's pin is looked at only because its reader may be copying at that moment.
 */
import { type Memory, PIN_IDLE } from 'sharedarraybuffer-ring'
import { frameEndOffset } from '../log/format/frame.ts'
import type { PartitionActor } from '../partition/partition-actor.ts'
import { SLOT_PIN } from '../wire/layout.ts'
import type { GroupBlock } from './group-block.ts'

export interface GroupGate {
  /** The group is new: it starts at the oldest record kept, or behind the newest. */
  begin(atEarliest: boolean): void
  /** A new slot is to start at this offset. */
  prepare(slot: number, offset: number): void
  /** A slot is open, prepared now or by a predecessor. */
  open(slot: number): void
  /** It is closed: what it pinned is kept by the block. */
  shut(slot: number): void
  /** While no slot is open: the group goes on at this offset, which may lie before. */
  move(offset: number): void
  /** While no slot is open: nothing before this offset is needed. */
  settle(offset: number): void
  /** Keeps what is pinned now, wherever the reader goes on. */
  hold(): void
  letGo(): void
  /** Where bytes are kept from, as a reader is told. */
  readonly current: number
  /** Window position from which to look for a record that is not settled. */
  readonly pin: number
  close(): void
}

export function gateOf(memory: Memory, partition: PartitionActor, block: GroupBlock): GroupGate {
  return partition.isOnDisk ? new LogGate(memory, partition) : new WindowGate(memory, partition, block)
}

class WindowGate implements GroupGate {
  readonly #memory: Memory
  readonly #partition: PartitionActor
  readonly #block: GroupBlock
  #gate: number
  /** Whether the block's pin gates beside the slot's. */
  #holds = false

  constructor(memory: Memory, partition: PartitionActor, block: GroupBlock) {
    this.#memory = memory
    this.#partition = partition
    this.#block = block
    this.#gate = block.pinAddress
    partition.window.gates.push(this.#gate)
  }

  begin(atEarliest: boolean): void {
    const { start, end } = this.#partition.window
    this.#block.pin = atEarliest ? start : end
  }

  prepare(slot: number, offset: number): void {
    this.#memory.store(slot + SLOT_PIN, this.#frameOf(offset))
  }

  open(slot: number): void {
    this.#set(slot + SLOT_PIN)
  }

  shut(slot: number): void {
    if (!this.#holds) this.#block.pin = this.#memory.load(slot + SLOT_PIN)
    this.#set(this.#block.pinAddress)
  }

  move(offset: number): void {
    this.#block.pin = this.#partition.window.start
    this.settle(offset)
  }

  settle(offset: number): void {
    if (!this.#holds) this.#block.pin = this.#frameOf(offset)
  }

  hold(): void {
    if (this.#holds) return
    if (this.#gate !== this.#block.pinAddress) this.#block.pin = this.#memory.load(this.#gate)
    this.#holds = true
    this.#partition.window.gates.push(this.#block.pinAddress)
  }

  letGo(): void {
    if (!this.#holds) return
    this.#holds = false
    const { gates } = this.#partition.window
    gates.splice(gates.lastIndexOf(this.#block.pinAddress), 1)
  }

  get current(): number {
    return this.#memory.load(this.#gate)
  }

  get pin(): number {
    return this.#holds ? this.#block.pin : this.current
  }

  close(): void {
    const { gates } = this.#partition.window
    gates.splice(gates.indexOf(this.#gate), 1)
    this.letGo()
  }

  #set(address: number): void {
    const { gates } = this.#partition.window
    gates[gates.indexOf(this.#gate)] = address
    this.#gate = address
  }

  /**
   * Position of the frame that holds `offset`, or the end. Readers move their pin a fetch at a time: a successor that has
   * nothing to read would never move it, and in a full window nothing to read would ever come.
   */
  #frameOf(offset: number): number {
    const { reader, window } = this.#partition
    for (const position of this.#partition.frames(this.#block.pin))
      if (frameEndOffset(reader, position) > offset) return position
    return window.end
  }
}

class LogGate implements GroupGate {
  readonly #memory: Memory
  readonly #partition: PartitionActor
  #pin: number | null = null

  constructor(memory: Memory, partition: PartitionActor) {
    this.#memory = memory
    this.#partition = partition
  }

  begin(): void {}

  prepare(slot: number): void {
    this.#memory.store(slot + SLOT_PIN, PIN_IDLE)
  }

  open(slot: number): void {
    this.#pin = slot + SLOT_PIN
    this.#partition.window.pins.add(this.#pin)
  }

  shut(): void {
    this.close()
  }

  move(): void {}

  settle(): void {}

  hold(): void {}

  letGo(): void {}

  get current(): number {
    return PIN_IDLE
  }

  get pin(): number {
    return this.#partition.window.start
  }

  close(): void {
    if (this.#pin === null) return
    this.#partition.window.pins.remove(this.#pin)
    this.#pin = null
  }
}
