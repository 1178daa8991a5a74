/**
 * The logging thread: drains every caller's ring and writes the lines in batches. A worker's main module.
 *
 * It blocks in `Atomics.wait` and in `writeSync`, which delays no other thread. After a small batch it naps for a few
 * milliseconds before it arms its bell, so that callers who log often do not pay for a wake-up each time.
 *
 * Bounds: a batch of 64 KiB and one line; lines that cannot be written are dropped, counted, and reported in the next
 * batch.
 */
import { openSync, writeSync } from 'node:fs'
import { workerData } from 'node:worker_threads'
import { CORRUPT, Doorbell, Memory, RingConsumer, Sleeper } from 'sharedarraybuffer-ring'
import { type CallerPlace, LINE_HEADER_BYTES, type LogPlace } from './log-place.ts'

export interface LogWriterData {
  readonly place: LogPlace
  /** A path to append to, or an open file descriptor. */
  readonly target: string | number
}

const BATCH_BYTES = 65_536
const NAP_MS = 5
/** A ringer can die before it rings. */
const SLEEP_MS = 1_000
const RETRIES_MAX = 200

/** One caller's ring, and the number of its dropped lines that were reported. */
class Source {
  readonly #memory: Memory
  readonly #place: CallerPlace
  readonly ring: RingConsumer
  #told = 0

  constructor(memory: Memory, place: CallerPlace) {
    this.#memory = memory
    this.#place = place
    this.ring = new RingConsumer(memory, place.ring, place.capacity)
  }

  /** Takes all lines that are there into the batch; whether there were any. */
  drain(batch: Batch): boolean {
    if (!this.ring.poll()) return this.#tell(batch, this.#memory.load(this.#place.dropped))
    let address = this.ring.next()
    for (; address >= 0; address = this.ring.next()) {
      const length = this.#memory.i32[address >> 2] as number
      this.#tell(batch, this.#memory.i32[(address + 4) >> 2] as number)
      batch.add(this.#memory.u8.subarray(address + LINE_HEADER_BYTES, address + length))
      this.ring.advance(length)
    }
    if (address === CORRUPT) throw new Error(`the ring of caller ${this.#place.caller} holds bytes that are no line`)
    // Released before the write: the batch is this thread's own copy.
    this.ring.release()
    return true
  }

  #tell(batch: Batch, dropped: number): boolean {
    const missing = (dropped - this.#told) | 0
    if (missing === 0) return false
    this.#told = dropped
    batch.add(
      Buffer.from(`logger: ${missing} lines of caller ${this.#place.caller} were dropped here: its ring was full`),
    )
    return true
  }
}

/** Lines that are written together. */
class Batch {
  readonly #fd: number
  readonly #nap: (ms: number) => void
  #bytes = Buffer.allocUnsafe(2 * BATCH_BYTES)
  #used = 0
  #lines = 0
  #lost = 0
  /** Bytes added so far. */
  taken = 0
  #why = ''

  constructor(fd: number, nap: (ms: number) => void) {
    this.#fd = fd
    this.#nap = nap
  }

  add(line: Uint8Array): void {
    if (this.#used + line.length + 1 > this.#bytes.length) {
      this.write()
      if (line.length + 1 > this.#bytes.length) this.#bytes = Buffer.allocUnsafe(line.length + 1)
    }
    this.#bytes.set(line, this.#used)
    this.#used += line.length
    this.#bytes[this.#used++] = 0x0a
    this.#lines++
    this.taken += line.length + 1
    if (this.#used >= BATCH_BYTES) this.write()
  }

  write(): void {
    if (this.#used === 0) return
    if (
      this.#lost > 0 &&
      this.#writeAll(Buffer.from(`logger: ${this.#lost} lines could not be written: ${this.#why}\n`))
    )
      this.#lost = 0
    if (!this.#writeAll(this.#bytes.subarray(0, this.#used))) this.#lost += this.#lines
    this.#used = 0
    this.#lines = 0
  }

  /** Whether all of it was written; after an error a part may have been. */
  #writeAll(bytes: Uint8Array): boolean {
    let retries = 0
    for (let at = 0; at < bytes.length; ) {
      try {
        at += writeSync(this.#fd, bytes, at)
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException
        this.#why = message
        // A pipe that is full: its reader is slow, which here may cost time, though not for ever.
        if (code !== 'EAGAIN' || ++retries > RETRIES_MAX) return false
        this.#nap(NAP_MS)
      }
    }
    return true
  }
}

function run({ place, target }: LogWriterData): void {
  const memory = new Memory(place.memory)
  // A word without a notification.
  const nap = (ms: number): void => memory.wait(place.ended, 0, ms)
  const batch = new Batch(typeof target === 'number' ? target : openSync(target, 'a'), nap)
  const sources = place.callers.map(caller => new Source(memory, caller))
  const sleeper = new Sleeper(new Doorbell(memory, place.bell), { spinsMax: 0, timeoutMs: SLEEP_MS })
  const asked = (): boolean => memory.load(place.asked) === 1
  const ready = (): boolean => asked() || sources.some(({ ring }) => ring.poll())
  for (;;) {
    const ending = asked()
    const before = batch.taken
    let worked = false
    for (const source of sources) if (source.drain(batch)) worked = true
    batch.write()
    if (ending) break
    if (!worked) sleeper.sleep(ready)
    else if (batch.taken - before < BATCH_BYTES) nap(NAP_MS)
  }
  memory.store(place.ended, 1)
  memory.notify(place.ended)
}

run(workerData as LogWriterData)
