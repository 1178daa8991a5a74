/**
 * One side of a ring under stress, to be killed at any moment. A worker's main module.
 *
 * The producer publishes batches of 1 to 16 records, and stalls here and there with records claimed, half written or
 * not yet published. The consumer checks each record where it lies, and stalls before it has released. Each takes up
 * where its predecessor stopped, as its ledger says.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { Doorbell } from '../doorbell.ts'
import { Memory, type MemoryHandle } from '../memory.ts'
import { Sleeper } from '../sleeper.ts'
import { CORRUPT, FULL, RingConsumer, RingProducer } from '../spsc-ring.ts'
import { faultOf, Random, writeRecord } from './checked-record.ts'
import { Ledger } from './ledger.ts'

export type RingSideName = 'producer' | 'consumer'

export interface RingSideData {
  readonly side: RingSideName
  readonly memory: MemoryHandle
  readonly ring: number
  readonly capacity: number
  readonly ledgers: Readonly<Record<RingSideName, number>>
  readonly bells: Readonly<Record<RingSideName, number>>
  /** Address of a word: 1 asks the producer to close the ring. */
  readonly stop: number
  readonly seed: number
}

/** Each says that it took over, and how much comes again; one that is done, or found a fault, says so. */
export type RingSideMessage =
  | { readonly kind: 'took'; readonly repeated: number }
  | { readonly kind: 'done'; readonly next: number }
  | { readonly kind: 'fault'; readonly fault: string }

/** Long, so that a wake-up which got lost shows as a stall. */
const SLEEP_MS = 3_000

const data = workerData as RingSideData
const memory = new Memory(data.memory)
const random = new Random(data.seed)
const ledger = new Ledger(memory, data.ledgers[data.side])
const sleeper = new Sleeper(new Doorbell(memory, data.bells[data.side]), { timeoutMs: SLEEP_MS })
const other = new Doorbell(memory, data.bells[data.side === 'producer' ? 'consumer' : 'producer'])

function tell(message: RingSideMessage): void {
  parentPort?.postMessage(message)
}

function produce(): RingSideMessage {
  const ring = new RingProducer(memory, data.ring, data.capacity)
  let next = ledger.nextAt(ring.tail)
  tell({ kind: 'took', repeated: 0 })
  const publish = (): void => {
    random.stall(1_000, 20)
    ledger.intend(ring.tail, next)
    ring.publish()
    ledger.done(next)
    random.stall(5_000, 20)
    other.ring()
  }
  while (memory.load(data.stop) === 0) {
    for (let left = 1 + random.below(16); left > 0; left--) {
      const bytes = random.recordBytes()
      let address = ring.claim(bytes)
      while (address === FULL) {
        publish()
        sleeper.sleep(() => ring.used() <= data.capacity / 2)
        address = ring.claim(bytes)
      }
      writeRecord(memory, address, bytes, next, random)
      ring.advance(bytes)
      next = (next + 1) | 0
      ledger.count()
    }
    publish()
  }
  ring.close()
  other.ring()
  return { kind: 'done', next }
}

function consume(): RingSideMessage {
  const ring = new RingConsumer(memory, data.ring, data.capacity)
  let next = ledger.nextAt(ring.head)
  tell({ kind: 'took', repeated: ledger.seen - next })
  const ready = (): boolean => ring.poll() || ring.drained
  for (;;) {
    sleeper.sleep(ready)
    let address = ring.next()
    for (; address >= 0; address = ring.next()) {
      const bytes = memory.i32[address >> 2] as number
      const fault = faultOf(memory, address, bytes, next)
      if (fault !== null) return { kind: 'fault', fault }
      ring.advance(bytes)
      next = (next + 1) | 0
      ledger.see(next)
      ledger.count()
      random.stall(2_000, 20)
    }
    if (address === CORRUPT) return { kind: 'fault', fault: `the ring is corrupt before record ${next}` }
    ledger.intend(ring.head, next)
    if (ring.release()) other.ring()
    ledger.done(next)
    if (ring.drained) return { kind: 'done', next }
  }
}

tell(data.side === 'producer' ? produce() : consume())
