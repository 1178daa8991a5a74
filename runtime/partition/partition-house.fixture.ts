/** A partition over shared memory of its own, with one producer's ring, and what makes actors of it, one after another. */
import { Arena, Memory, RingConsumer, ringBytes, windowBytes } from 'sharedarraybuffer-ring'
import type { HostLink } from '../link/host-link.ts'
import { PartitionWriter } from '../publish/partition-writer.ts'
import { writeRecord } from '../publish/record-writer.ts'
import { PARTITION_BYTES } from '../wire/layout.ts'
import type { TopicShape } from '../wire/places.ts'
import type { RingPlace } from '../wire/producer-places.ts'
import { IncomingRing } from './incoming-ring.ts'
import { Joints } from './joints.ts'
import { PartitionActor } from './partition-actor.ts'
import type { PartitionDisk } from './partition-disk.ts'
import type { PartitionUpcalls } from './partition-upcalls.ts'
import type { WindowTold } from './stored-window.ts'

const WINDOW = 65_536
const RING = 131_072

const topic: TopicShape = {
  id: 1,
  name: 'orders',
  partitions: 1,
  codec: 'string',
  maxMessageBytes: 16_000,
  windowBytes: WINDOW,
  onFull: 'wait',
  durability: 'memory',
  log: null,
}

export interface House {
  readonly memory: Memory
  readonly arena: Arena
  readonly place: RingPlace
  /** Address of a gate of the window. */
  readonly gate: number
  /** Base offsets of the receipts published. */
  readonly receipts: number[]
  /** The way back to the producer, which has `room` for so many receipts more. */
  readonly link: HostLink
  room: number
  /** The partition as a new thread finds it. */
  actor(upcalls?: Partial<PartitionUpcalls>): PartitionActor
  /** Publishes frames of one record each. */
  publish(frames: number): void
}

/** Nobody lends larger windows. */
export const NO_LOANS: WindowTold = { isBusy: () => undefined, asks: () => undefined, moved: () => undefined }

/** A log that takes everything, of which nothing is read again. */
export function takingLog({ arena }: House): PartitionDisk {
  const log = {
    failure: null,
    startOffset: 0,
    endOffset: 0,
    words: arena.allocate(PARTITION_BYTES),
    entry: () => ({}),
    truncateTo: () => undefined,
  }
  return log as unknown as PartitionDisk
}

/** Without `isGated` nothing but what a test opens keeps the window, which has `capacity` bytes at rest. */
export function house(isGated = true, capacity: number = WINDOW): House {
  const memory = Memory.allocate(1 << 20)
  const arena = new Arena(memory, 128)
  const window = { address: arena.allocate(windowBytes(capacity)), capacity }
  const words = arena.allocate(PARTITION_BYTES)
  const place = {
    ring: 7,
    partition: 0,
    host: 0,
    address: arena.allocate(ringBytes(RING)),
    capacity: RING,
    words,
    widest: RING,
  }
  const gate = arena.allocate(128)
  const receipts: number[] = []
  /** Nobody has seen these. */
  const written: number[] = []
  const link = {
    promised: 0,
    room: () => made.room,
    // Frames that share a receipt have one record each in these tests.
    receipt: (_ring: number, _ringEnd: number, baseOffset: number, _status: number, more = 0) => {
      made.room--
      for (let frame = 0; frame <= more; frame++) written.push(baseOffset + frame)
    },
    awaits: () => undefined,
    publish: () => receipts.push(...written.splice(0)) > 0,
    wake: () => undefined,
    ring: () => undefined,
  }
  const asLink = link as unknown as HostLink
  const actor = (upcalls: Partial<PartitionUpcalls> = {}): PartitionActor => {
    // What the one before wrote and did not publish died with it.
    written.length = 0
    link.promised = 0
    const opened = new PartitionActor(memory, { topic: 1, partition: 0, host: 0, window, words, log: null }, topic, {
      fault: () => undefined,
      ringDrained: () => undefined,
      joints: new Joints(() => undefined),
      woken: () => undefined,
      took: () => undefined,
      log: null,
      windows: NO_LOANS,
      ...upcalls,
    })
    if (isGated) opened.window.gates.push(gate)
    const consumer = new RingConsumer(memory, place.address, place.capacity)
    opened.addRing(new IncomingRing(place.ring, consumer, asLink, 0, false))
    return opened
  }
  const writer = new PartitionWriter(memory, place, 1)
  const publish = (frames: number): void => {
    for (let frame = 0; frame < frames; frame++) {
      const state = writeRecord(memory, writer, null, 'x'.repeat(15_000), null, undefined, topic.maxMessageBytes)
      if (state !== 0) throw new Error(`a record was not taken: ${state}`)
      writer.seal()
    }
  }
  const made: House = { memory, arena, place, gate, receipts, link: asLink, room: 1_000, actor, publish }
  return made
}
