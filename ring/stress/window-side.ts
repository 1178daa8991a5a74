/**
 * The writer or a reader of a window under stress, to be killed at any moment. A worker's main module.
 *
 * The writer appends batches, keeps the next number in the window's banks, and opens gates as main asks. A reader looks
 * at records where they lie, stalls while it is inside, and checks them after that: whatever overtook it would show.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { Doorbell } from '../doorbell.ts'
import { LINE_BYTES } from '../layout.ts'
import { WindowReader, WindowWriter, WRAPS } from '../log-window.ts'
import { Memory, type MemoryHandle } from '../memory.ts'
import { Sleeper } from '../sleeper.ts'
import { type GateTicket, ReaderGate, WindowGates } from '../window-gates.ts'
import { faultOf, Random, RECORD_BYTES_MAX, writeRecord } from './checked-record.ts'
import { Ledger } from './ledger.ts'

export interface WindowPlace {
  readonly memory: MemoryHandle
  /** Addresses of two words: 1 asks the writer to stop; grows with each request to it. */
  readonly stop: number
  readonly requests: number
  readonly writerBell: number
  readonly writerLedger: number
  readonly gates: number
  readonly gateCount: number
  readonly window: number
  readonly capacity: number
  /** Room for one record, where those are made that wrap; the writer's first, then one for each reader. */
  readonly scratch: number
}

export interface WindowSideData {
  readonly place: WindowPlace
  readonly seed: number
  /** `null`: the writer. */
  readonly reader: {
    readonly index: number
    readonly bell: number
    readonly ledger: number
    readonly ticket: GateTicket
  } | null
  /** Bells that the writer rings. */
  readonly readerBells: readonly number[]
}

/** Opens a gate for a reader: where a dead one stood, or, without a ticket, at the end. */
export interface GateRequest {
  readonly reader: number
  readonly dead: GateTicket | null
}

export type WindowSideMessage =
  | { readonly kind: 'open'; readonly tickets: readonly GateTicket[] }
  | { readonly kind: 'ticket'; readonly reader: number; readonly ticket: GateTicket | null; readonly next: number }
  | { readonly kind: 'took'; readonly repeated: number }
  | { readonly kind: 'lost' }
  | { readonly kind: 'done'; readonly next: number }
  | { readonly kind: 'fault'; readonly fault: string }

/** Long, so that a wake-up which got lost shows as a stall. */
const SLEEP_MS = 3_000
/** Records between `enter` and `leave`. */
const TURN_RECORDS = 32

const { place, seed, reader: self, readerBells } = workerData as WindowSideData
const memory = new Memory(place.memory)
const random = new Random(seed)
const bells = readerBells.map(address => new Doorbell(memory, address))

function tell(message: WindowSideMessage): void {
  parentPort?.postMessage(message)
}

function write(): WindowSideMessage {
  const table = new WindowGates(memory, place.gates, place.gateCount)
  const writer = new WindowWriter(memory, place.window, place.capacity, table)
  const ledger = new Ledger(memory, place.writerLedger)
  const sleeper = new Sleeper(new Doorbell(memory, place.writerBell), { timeoutMs: SLEEP_MS })
  let next = writer.own[0] as number
  let answered = 0
  tell({ kind: 'open', tickets: writer.tickets() })
  const asked = (): boolean => memory.load(place.requests) !== answered
  const answerAll = (): void => {
    answered = memory.load(place.requests)
    for (let got = receiveMessageOnPort(parentPort as never); got; got = receiveMessageOnPort(parentPort as never)) {
      const { reader, dead } = got.message as GateRequest
      const ticket = dead === null ? writer.attach() : writer.reattach(dead)
      random.stall(20, 20)
      tell({ kind: 'ticket', reader, ticket, next: writer.own[0] as number })
    }
  }
  const append = (): void => {
    const bytes = random.recordBytes()
    const address = writer.claim(bytes)
    if (address === WRAPS) {
      writeRecord(memory, place.scratch, bytes, next, random)
      writer.copyIn(place.scratch, bytes)
    } else {
      writeRecord(memory, address, bytes, next, random)
      writer.advance(bytes)
    }
    next = (next + 1) | 0
    ledger.count()
  }
  const hasRoom = (): boolean => writer.free() >= RECORD_BYTES_MAX || writer.reclaim() >= RECORD_BYTES_MAX
  while (memory.load(place.stop) === 0) {
    for (let left = 1 + random.below(16); left > 0 && hasRoom(); left--) append()
    random.stall(1_000, 20)
    writer.own[0] = next
    writer.commit()
    random.stall(5_000, 20)
    for (const bell of bells) bell.ring()
    if (asked()) answerAll()
    if (!hasRoom()) sleeper.sleep(() => hasRoom() || asked() || memory.load(place.stop) === 1)
  }
  return { kind: 'done', next }
}

function read({ index, bell, ledger: at, ticket }: NonNullable<typeof self>): WindowSideMessage {
  const reader = new WindowReader(memory, place.window, place.capacity)
  const gate = new ReaderGate(memory, ticket)
  const ledger = new Ledger(memory, at)
  const sleeper = new Sleeper(new Doorbell(memory, bell), { timeoutMs: SLEEP_MS })
  const writer = new Doorbell(memory, place.writerBell)
  const scratch = place.scratch + (1 + index) * (RECORD_BYTES_MAX + LINE_BYTES)
  let next = ledger.nextAt(gate.position)
  tell({ kind: 'took', repeated: ledger.seen - next })

  /** Address at which the record at a position lies in one piece. */
  const whole = (position: number, bytes: number): number => {
    if (reader.untilWrap(position) >= bytes) return reader.addressOf(position)
    reader.copyOut(position, bytes, memory.u8, scratch)
    return scratch
  }
  const turn = (): string | null => {
    const end = reader.end()
    let position = gate.position
    for (let left = TURN_RECORDS; left > 0 && position !== end; left--) {
      const bytes = reader.word(position)
      if (bytes < 16 || bytes > RECORD_BYTES_MAX) return `a record of ${bytes} bytes before number ${next}`
      const address = whole(position, bytes)
      random.stall(300, 10)
      // Now and then so slow that it is detached, inside or outside.
      random.stall(3_000, 400)
      const fault = faultOf(memory, address, bytes, next)
      if (fault !== null) return fault
      position = (position + bytes) | 0
      next = (next + 1) | 0
      ledger.see(next)
      ledger.count()
    }
    ledger.intend(position, next)
    gate.leave(position)
    ledger.done(next)
    writer.ring()
    random.stall(500, 400)
    return null
  }
  const ready = (): boolean => reader.end() !== gate.position || gate.ended || memory.load(place.stop) === 2
  for (;;) {
    sleeper.sleep(ready)
    if (reader.end() === gate.position && !gate.ended && memory.load(place.stop) === 2) return { kind: 'done', next }
    if (!gate.enter()) return { kind: 'lost' }
    const fault = turn()
    if (fault !== null) return { kind: 'fault', fault: `reader ${index}: ${fault}` }
  }
}

tell(self === null ? write() : read(self))
