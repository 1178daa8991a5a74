/**
 * The cost of a queue's delivery besides its storage: handed out, begun, acked and found, on one thread and from one to another.
 *
 *   node dist/runtime/proof/stress/delivery-cost.js [MESSAGES]
 *
 * Prints the processor time of all threads in nanoseconds a message, medians of five rounds with the least and the most, beside a plain
 * ring that carries the same bytes.
 */
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import {
  ClaimReceiver,
  ClaimSender,
  Memory,
  type MemoryHandle,
  RingConsumer,
  RingProducer,
  ringBytes,
} from 'sharedarraybuffer-ring'
import { DeliveryReader } from '../../link/delivery-reader.ts'
import { DeliverySlot, NOT_NOW } from '../../link/delivery-slot.ts'
import { DELIVERY_BYTES, type DeliveryHead } from '../../link/delivery-writer.ts'
import { CLAIM_ENTRIES_MAX, DELIVERY_RING_BYTES, deliveryPlace, deliverySlotBytes } from '../../wire/delivery-places.ts'

const ROUNDS = 5
const BATCH = 32
const BYTES = 104
const RECORD = DELIVERY_BYTES + BYTES
const SLOT_BYTES = deliverySlotBytes(CLAIM_ENTRIES_MAX, DELIVERY_RING_BYTES)
const place = deliveryPlace(1, 0, CLAIM_ENTRIES_MAX, DELIVERY_RING_BYTES)
const head: DeliveryHead = { offset: 0, deliveryAttempt: 1, failedAttempts: 0, flags: 0, cohort: 0, timestamp: 0 }
const record = new Uint8Array(BYTES)

/** What a thread of two is told. */
interface Told {
  readonly handle: MemoryHandle
  readonly isPlain: boolean
  readonly messages: number
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0.3)
}

class Plain {
  readonly #memory: Memory
  readonly #producer: RingProducer
  readonly #consumer: RingConsumer

  constructor(memory: Memory) {
    this.#memory = memory
    this.#producer = new RingProducer(memory, 0, DELIVERY_RING_BYTES)
    this.#consumer = new RingConsumer(memory, 0, DELIVERY_RING_BYTES)
  }

  /** Up to so many records; how many there was room for. */
  send(most: number): number {
    let sent = 0
    for (; sent < most; sent++) {
      const address = this.#producer.claim(RECORD)
      if (address < 0) break
      this.#memory.i32[address >> 2] = RECORD
      this.#memory.u8.set(record, address + DELIVERY_BYTES)
      this.#producer.advance(RECORD)
    }
    this.#producer.publish()
    return sent
  }

  take(): number {
    const ring = this.#consumer
    if (!ring.poll()) return 0
    const bytes = Buffer.allocUnsafe(ring.ready)
    let taken = 0
    for (let address = ring.next(); address >= 0; address = ring.next()) {
      bytes.set(this.#memory.u8.subarray(address, address + RECORD), taken++ * RECORD)
      ring.advance(RECORD)
    }
    ring.release()
    return taken
  }
}

class Slotted {
  readonly #memory: Memory
  readonly #slot: DeliverySlot
  readonly #reader: DeliveryReader
  readonly #claims: ClaimReceiver
  #offset = 0

  constructor(memory: Memory) {
    this.#memory = memory
    this.#slot = new DeliverySlot(memory, place)
    this.#reader = new DeliveryReader(memory, place)
    this.#claims = new ClaimReceiver(memory, place.claims, place.entries)
  }

  send(most: number): number {
    let sent = 0
    for (; sent < most; sent++) {
      if (this.#slot.handOut({ ...head, offset: this.#offset }, BYTES) === NOT_NOW) break
      this.#memory.u8.set(record, this.#slot.address)
      this.#offset++
    }
    this.#slot.publish()
    this.#slot.ended({
      acked: (first, count) => this.#slot.freeRun(first, count),
      ended: tag => this.#slot.free(tag),
    })
    return sent
  }

  take(): number {
    const fetch = this.#reader.take()
    if (fetch === null) return 0
    const messages = fetch.left
    while (fetch.left > 0) {
      fetch.advance()
      this.#claims.begin(fetch.tag)
      this.#claims.ack(fetch.tag)
    }
    this.#claims.publish()
    return messages
  }
}

/** Claims alone, with tags that travel in an array. */
function claimsAlone(messages: number): void {
  const memory = Memory.allocate(SLOT_BYTES)
  const sender = new ClaimSender(memory, 0, CLAIM_ENTRIES_MAX)
  const receiver = new ClaimReceiver(memory, 0, CLAIM_ENTRIES_MAX)
  const tags: number[] = []
  for (let number = 0; number < messages; number += BATCH) {
    for (let at = 0; at < BATCH; at++) tags[at] = sender.handOut(number + at, 1, 0)
    for (const tag of tags) {
      receiver.begin(tag)
      receiver.ack(tag)
    }
    receiver.publish()
    sender.ended({ acked: (first, count) => sender.freeRun(first, count), ended: tag => sender.free(tag) })
  }
}

function oneThread(ends: Plain | Slotted, messages: number): void {
  for (let sent = 0; sent < messages; ) {
    sent += ends.send(BATCH)
    ends.take()
  }
}

async function twoThreads(isPlain: boolean, messages: number): Promise<void> {
  const memory = Memory.allocate(Math.max(SLOT_BYTES, ringBytes(DELIVERY_RING_BYTES)))
  const ends = isPlain ? new Plain(memory) : new Slotted(memory)
  const told: Told = { handle: memory.handle, isPlain, messages }
  const worker = new Worker(new URL(import.meta.url), { workerData: told })
  const exited = new Promise(resolve => worker.once('exit', resolve))
  for (let sent = 0; sent < messages; ) {
    const now = ends.send(Math.min(256, messages - sent))
    sent += now
    if (now === 0) pause()
  }
  await exited
}

function taking({ handle, isPlain, messages }: Told): void {
  const memory = new Memory(handle)
  const ends = isPlain ? new Plain(memory) : new Slotted(memory)
  for (let taken = 0; taken < messages; ) {
    const now = ends.take()
    taken += now
    if (now === 0) pause()
  }
}

async function main(): Promise<void> {
  const messages = Math.ceil(Number(process.argv[2] ?? 200_000) / BATCH) * BATCH
  const cases: Record<string, () => void | Promise<void>> = {
    'claims alone': () => claimsAlone(messages),
    'plain ring': () => oneThread(new Plain(Memory.allocate(SLOT_BYTES)), messages),
    'claims and ring': () => oneThread(new Slotted(Memory.allocate(SLOT_BYTES)), messages),
    'plain ring, two threads': () => twoThreads(true, messages),
    'claims and ring, two threads': () => twoThreads(false, messages),
  }
  const figures = new Map<string, number[]>()
  for (let round = 0; round <= ROUNDS; round++)
    for (const [name, run] of Object.entries(cases)) {
      const started = process.cpuUsage()
      await run()
      const { user, system } = process.cpuUsage(started)
      // The first round compiles.
      if (round > 0) figures.set(name, [...(figures.get(name) ?? []), ((user + system) * 1_000) / messages])
    }
  for (const [name, all] of figures) {
    const [least, , median, , most] = all.sort((a, b) => a - b).map(Math.round)
    console.log(`${name}: ${median} ns (${least} to ${most})`)
  }
}

if (isMainThread) await main()
else taking(workerData as Told)
