/**
 * One end of a ring under stress: writes records of random length for a while, or checks that they come whole, in
 * order and without a gap. Both ends sleep by bells when there is nothing to do. A worker's main module.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { Doorbell } from './doorbell.ts'
import { Memory } from './memory.ts'
import { Sleeper } from './sleeper.ts'
import { CORRUPT, EMPTY, FULL, RingConsumer, RingProducer } from './spsc-ring.ts'

/** Record: i32 length, i32 sequence, words, i32 checksum of all words before it. */
export interface Hose {
  readonly end: 'writes' | 'reads'
  readonly buffer: SharedArrayBuffer
  readonly ring: number
  readonly capacity: number
  /** Bells of the writer and of the reader. */
  readonly bells: readonly [number, number]
  readonly ms: number
}

export interface HoseReport {
  readonly records: number
  readonly bytes: number
  readonly sleeps: number
  /** Sleeps that no bell ended. */
  readonly overslept: number
  readonly fault: string | null
}

const SLEEP_MS = 3_000

function mix(sum: number, word: number): number {
  return (Math.imul(sum ^ word, 0x9e3779b1) ^ (sum >>> 15)) | 0
}

const { end, buffer, ring, capacity, bells, ms } = workerData as Hose
const memory = new Memory(buffer)
const [writerBell, readerBell] = bells.map(address => new Doorbell(memory, address)) as [Doorbell, Doorbell]
const sleeper = new Sleeper(end === 'writes' ? writerBell : readerBell, { timeoutMs: SLEEP_MS })
let records = 0
let bytes = 0
let sleeps = 0
let overslept = 0

/** Sleeps until `ready`, at most SLEEP_MS at a time. */
function sleepUntil(sleeper: Sleeper, ready: () => boolean): void {
  sleeps++
  const since = performance.now()
  sleeper.sleep(ready)
  if (performance.now() - since >= SLEEP_MS) overslept++
}

function writeForAWhile(): null {
  const producer = new RingProducer(memory, ring, capacity)
  const until = performance.now() + ms
  const words = memory.i32
  let random = 1
  do {
    // Now and then the reader falls asleep.
    if ((records & 0xffff) === 0xffff) Atomics.wait(words, 0, 0, 1)
    for (let inBatch = (random & 15) + 1; inBatch > 0; inBatch--) {
      random = (Math.imul(random, 1_103_515_245) + 12_345) | 0
      const length = 12 + (((random >>> 8) % (capacity / 8 - 12)) & ~3)
      let at = producer.claim(length)
      while (at === FULL) {
        producer.publish()
        readerBell.ring()
        sleepUntil(sleeper, () => producer.used() <= capacity / 2)
        at = producer.claim(length)
      }
      let word = at >> 2
      const last = word + (length >> 2) - 1
      words[word] = length
      words[word + 1] = records
      let sum = mix(length, records)
      for (word += 2; word < last; word++) {
        words[word] = random + word
        sum = mix(sum, random + word)
      }
      words[last] = sum
      producer.advance(length)
      records++
      bytes += length
    }
    producer.publish()
    readerBell.ring()
  } while (performance.now() < until)
  producer.close()
  readerBell.ring()
  return null
}

function readToTheEnd(): string | null {
  const consumer = new RingConsumer(memory, ring, capacity)
  const words = memory.i32
  for (;;) {
    if (!consumer.poll()) {
      if (consumer.drained) return null
      sleepUntil(sleeper, () => consumer.poll() || consumer.drained)
      continue
    }
    let at = consumer.next()
    for (; at >= 0; at = consumer.next()) {
      const length = words[at >> 2] as number
      const last = (at + length - 4) >> 2
      if (words[(at >> 2) + 1] !== records) return `record ${words[(at >> 2) + 1]} came in place of ${records}`
      let sum = length
      for (let word = (at >> 2) + 1; word < last; word++) sum = mix(sum, words[word] as number)
      if (words[last] !== sum) return `record ${records} has a wrong checksum`
      consumer.advance(length)
      records++
      bytes += length
    }
    if (at === CORRUPT) return `the ring is corrupt after record ${records}`
    if (at !== EMPTY) return `next said ${at}`
    if (consumer.release()) writerBell.ring()
  }
}

const fault = end === 'writes' ? writeForAWhile() : readToTheEnd()
parentPort?.postMessage({ records, bytes, sleeps, overslept, fault } satisfies HoseReport)
