/**
 * A partition on disk without its host: a window that overtakes its readers, over a log, appended to in the order in which a
 * partition actor does it; and sources that read from it, on any thread.
 */
import { Memory, PIN_IDLE, WindowReader, WindowWriter, windowBytes } from 'sharedarraybuffer-ring'
import type { Disk } from '../log/disk/disk.ts'
import { frameOf } from '../log/format/log-frames.fixture.ts'
import type { LogSettings } from '../log/format/segment-format.ts'
import { storeHighWatermark } from '../log/store/high-watermark.ts'
import { PartitionLog } from '../log/store/partition-log.ts'
import { LogSource } from '../reader/log-source.ts'
import { PARTITION_BYTES, SLOT_BYTES, SLOT_PIN } from '../wire/layout.ts'
import type { Assignment, PartitionLogPlace } from '../wire/places.ts'

const READERS = 4
const WORDS = 0
const SLOTS = PARTITION_BYTES
/** For a window that moves. */
const SPARE_BYTES = 65_536 + 128
const WINDOW: number = SLOTS + READERS * SLOT_BYTES

/** What another thread needs to read: plain data. */
export interface OvertakingPlace {
  readonly handle: Memory['handle']
  readonly capacity: number
  readonly log: PartitionLogPlace
}

/** A source of what is at and after an offset, for the reader of this number. */
export function sourceOf(
  memory: Memory,
  { capacity, log }: Pick<OvertakingPlace, 'capacity' | 'log'>,
  start: { readonly reader: number; readonly offset: number },
  disk: Disk,
): LogSource {
  const assignment = {
    topic: { name: 'orders' },
    group: 'billing',
    place: { partition: 3, window: { address: WINDOW, capacity } },
    slot: SLOTS + start.reader * SLOT_BYTES,
    committed: start.offset,
  } as unknown as Assignment
  return new LogSource(memory, assignment, log, null, disk)
}

export class OvertakingLog {
  readonly place: OvertakingPlace
  readonly memory: Memory
  readonly log: PartitionLog
  #writer: WindowWriter

  constructor(disk: Disk, folder: string, settings: LogSettings, capacity: number) {
    this.memory = Memory.allocate(WINDOW + windowBytes(capacity) + SPARE_BYTES)
    this.log = PartitionLog.open(disk, folder, settings, 0)
    storeHighWatermark(this.memory, WORDS, this.log.endOffset)
    this.place = { handle: this.memory.handle, capacity, log: { ...settings, folder, words: WORDS } }
    for (let reader = 0; reader < READERS; reader++) this.memory.store(SLOTS + reader * SLOT_BYTES + SLOT_PIN, PIN_IDLE)
    this.#writer = this.#take()
  }

  #take(): WindowWriter {
    const writer = new WindowWriter(this.memory, WINDOW, this.place.capacity)
    for (let reader = 0; reader < READERS; reader++) writer.pins.add(SLOTS + reader * SLOT_BYTES + SLOT_PIN)
    return writer
  }

  /** The host died, and another goes on. */
  succeed(): void {
    this.#writer = this.#take()
  }

  source(reader: number, offset: number, disk: Disk): LogSource {
    return sourceOf(this.memory, this.place, { reader, offset }, disk)
  }

  /** Appends a frame; `null`: a reader is copying where there would be room. */
  append(records: number, valueBytes: number): Buffer | null {
    const baseOffset = this.log.endOffset
    const deltas = Array.from({ length: records }, (_, at) => at)
    const frame = frameOf({ baseOffset, deltas, baseTimestamp: 1000, valueBytes })
    return this.appendFrame(frame, records) ? frame : null
  }

  /** The same for a frame that is made already, placed at the log's end. */
  appendFrame(frame: Buffer, records: number): boolean {
    const { log, memory } = this
    if (!this.#makeRoom(frame.length)) return false
    const baseOffset = log.endOffset
    this.#writer.writeIn(frame)
    log.append([frame], { baseOffset, endOffset: baseOffset + records, maxTimestamp: 1000 + records }, frame.length)
    this.#writer.commit()
    storeHighWatermark(memory, WORDS, log.endOffset)
    return true
  }

  /**
   * A frame that goes past the window: in the log, and not yet committed before `isNear` was called; the high watermark hears of it
   * after `isCommitted`.
   */
  appendBeside(records: number, valueBytes: number, isNear: () => void, isCommitted: () => void = () => {}): Buffer {
    const baseOffset = this.log.endOffset
    const deltas = Array.from({ length: records }, (_, at) => at)
    const frame = frameOf({ baseOffset, deltas, baseTimestamp: 1000, valueBytes })
    if (!this.#writer.skip(frame.length)) throw new Error('a reader is inside')
    const endOffset = baseOffset + records
    this.log.append([frame], { baseOffset, endOffset, maxTimestamp: 1000 + records }, frame.length)
    isNear()
    this.#writer.commit()
    isCommitted()
    storeHighWatermark(this.memory, WORDS, endOffset)
    return frame
  }

  /** The data of the window move to other memory, and are another's where they were. */
  moveWindow(capacity: number): void {
    const address = this.memory.buffer.byteLength - SPARE_BYTES
    if (!this.#writer.moveTo({ address: Math.ceil(address / 128) * 128, capacity }))
      throw new Error('a reader is inside')
    this.memory.u8.fill(0xee, WINDOW + 384, WINDOW + windowBytes(this.place.capacity))
  }

  /** A frame is copied in, and the disk does not take it. */
  appendInVain(bytes: number): void {
    if (!this.#makeRoom(bytes)) return
    this.#writer.writeIn(new Uint8Array(bytes).fill(0xff))
    this.#writer.rewind()
  }

  /** The window goes on by so many bytes, as if frames had gone through it. */
  moveOn(bytes: number): void {
    const writer = this.#writer
    for (let left = bytes; left > 0; left -= this.place.capacity) {
      const step = Math.min(left, this.place.capacity)
      if (!writer.overtake((writer.end - writer.start) | 0)) throw new Error('a reader is inside')
      writer.claim(0)
      writer.advance(step)
      writer.commit()
    }
  }

  #makeRoom(bytes: number): boolean {
    const writer = this.#writer
    const reader = new WindowReader(this.memory, WINDOW, this.place.capacity)
    reader.follow()
    let given = 0
    while (writer.free() + given < bytes) given += reader.word((writer.start + given) | 0)
    return given === 0 || writer.overtake(given)
  }
}
