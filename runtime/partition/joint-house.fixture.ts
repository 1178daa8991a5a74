/** Partitions of one host over shared memory, a thread that publishes to several of them at once, and hosts that follow each other. One thread plays all. */
import { Arena, Memory, RingConsumer, ringBytes, WindowReader, windowBytes } from 'sharedarraybuffer-ring'
import type { HostLink } from '../link/host-link.ts'
import { FRAME_COUNT, FRAME_HEADER_BYTES, frameBaseOffset } from '../log/format/frame.ts'
import type { JointTarget } from '../publish/joint-target.ts'
import type { JointRecord, JointTicket } from '../publish/joint-ticket.ts'
import { JointWriter } from '../publish/joint-writer.ts'
import { PartitionWriter } from '../publish/partition-writer.ts'
import { writeRecord } from '../publish/record-writer.ts'
import type { TopicProducer } from '../publish/topic-producer.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import { PARTITION_BYTES } from '../wire/layout.ts'
import type { TopicShape } from '../wire/places.ts'
import type { RingPlace } from '../wire/producer-places.ts'
import { IncomingRing } from './incoming-ring.ts'
import { Joints } from './joints.ts'
import { PartitionActor } from './partition-actor.ts'
import { NO_LOANS } from './partition-house.fixture.ts'

export const WINDOW = 4_096
const RING = 8_192

/** A message to several partitions. */
export class ToyJoint implements JointRecord {
  readonly deadline: number = Number.POSITIVE_INFINITY
  readonly value: number
  readonly targets: readonly number[]
  ticket: JointTicket | null = null
  done = false
  /** What became of it; null: it is not answered. */
  answer: 'taken' | 'refused' | 'withdrawn' | null = null
  /** Its offsets, where it was taken. */
  offsets: number[] = []

  constructor(value: number, targets: readonly number[]) {
    this.value = value
    this.targets = targets
  }

  expire(): void {}

  answered(index: number): void {
    const { ticket } = this
    if (this.done || ticket === null) return
    this.done = true
    this.answer = ticket.isTaken ? 'taken' : 'refused'
    this.offsets = ticket.members.map(({ offset }) => offset + index)
  }

  /** Takes it out of its frames; false: it may be in the partitions already. */
  withdraw(): boolean {
    if (this.done || this.ticket?.withdraw(this) !== true) return false
    this.done = true
    this.answer = 'withdrawn'
    return true
  }
}

interface Place {
  readonly topic: TopicShape
  readonly window: { readonly address: number; readonly capacity: number }
  readonly words: number
  readonly ring: RingPlace
  readonly gate: number
  readonly writer: PartitionWriter
  readonly target: TopicProducer
}

export class JointHouse {
  readonly memory: Memory = Memory.allocate(1 << 20)
  readonly places: readonly Place[]
  /** Values that were read of each partition, in their order. */
  readonly read: number[][]
  /** Room for answers in the link. */
  room = 1_000
  /** Rings that were given back. */
  readonly drained: number[] = []
  /** Called at each point at which a host may die. */
  fault: (point: number) => void = () => undefined
  #actors: PartitionActor[] = []
  #link: HostLink = this.#newLink()
  #isOrphaned = false
  readonly #writer: JointWriter
  readonly #arena: Arena
  /** Rings of another thread, by partition. */
  readonly #others = new Map<number, { readonly ring: RingPlace; readonly writer: PartitionWriter }>()

  /** By partition: whether it refuses what it has no room for. */
  constructor(refuses: readonly boolean[]) {
    const arena = new Arena(this.memory, 128)
    this.#arena = arena
    this.places = refuses.map((isRefusing, partition): Place => {
      const words = arena.allocate(PARTITION_BYTES)
      const ring: RingPlace = {
        ring: 10 + partition,
        partition: 0,
        host: 0,
        address: arena.allocate(ringBytes(RING)),
        capacity: RING,
        words,
        widest: RING,
      }
      const writer = new PartitionWriter(this.memory, ring, 1)
      const topic: TopicShape = {
        id: partition,
        name: `t${partition}`,
        partitions: 1,
        codec: 'string',
        maxMessageBytes: 2_000,
        windowBytes: WINDOW,
        onFull: isRefusing ? 'reject' : 'wait',
        durability: 'memory',
        log: null,
      }
      const target = { topic, joint: { writerOf: () => writer } } as unknown as TopicProducer
      const window = { address: arena.allocate(windowBytes(WINDOW)), capacity: WINDOW }
      return { topic, window, words, ring, gate: arena.allocate(128), writer, target }
    })
    this.read = this.places.map(() => [])
    const thread = {
      memory: this.memory,
      markDirty: () => undefined,
      publishedEarly: () => undefined,
      ringHost: () => undefined,
    }
    this.#writer = new JointWriter(thread as unknown as AttachedThread)
    this.host()
  }

  #newLink(): HostLink {
    const written: [number, number, number, number, number?][] = []
    const link = {
      promised: 0,
      room: () => (this.#isOrphaned ? 1_000 : this.room - link.promised),
      receipt: (...receipt: [number, number, number, number, number?]) => {
        if (!this.#isOrphaned) written.push(receipt)
      },
      publish: () => {
        const receipts = written.splice(0)
        for (const receipt of receipts)
          for (const { writer } of this.places) if (writer.ring === receipt[0]) writer.receipt(...receipt)
        return receipts.length > 0
      },
      awaits: () => undefined,
      wake: () => undefined,
      ring: () => undefined,
    }
    return link as unknown as HostLink
  }

  /** A new host, in place of the one before. */
  host(): void {
    this.#link = this.#newLink()
    const joints = new Joints(point => this.fault(point))
    this.#actors = this.places.map(({ topic, window, words, gate }) => {
      const place = { topic: topic.id, partition: 0, host: 0, window, words, log: null }
      const actor = new PartitionActor(this.memory, place, topic, {
        fault: point => this.fault(point),
        ringDrained: ({ id }) => this.drained.push(id),
        joints,
        woken: () => undefined,
        took: () => undefined,
        log: null,
        windows: NO_LOANS,
      })
      actor.window.gates.push(gate)
      return actor
    })
    for (const partition of this.#others.keys()) this.#addOther(partition)
    for (const [partition, { ring }] of this.places.entries()) {
      const consumer = new RingConsumer(this.memory, ring.address, ring.capacity)
      this.#actors[partition]?.addRing(new IncomingRing(ring.ring, consumer, this.#link, 0, this.#isOrphaned))
    }
  }

  #addOther(partition: number): void {
    const { ring, address, capacity } = (this.#others.get(partition) as { ring: RingPlace }).ring
    const consumer = new RingConsumer(this.memory, address, capacity)
    this.#actors[partition]?.addRing(new IncomingRing(ring, consumer, this.#link, 0, false))
  }

  /** Another thread sends to one partition; whether there was room. */
  sendByOther(partition: number, value: number, padding = 0): boolean {
    if (!this.#others.has(partition)) {
      const { ring: own } = this.places[partition] as Place
      const ring = { ...own, ring: own.ring + 100, address: this.#arena.allocate(ringBytes(RING)) }
      this.#others.set(partition, { ring, writer: new PartitionWriter(this.memory, ring, 2) })
      this.#addOther(partition)
    }
    const { writer } = this.#others.get(partition) as { writer: PartitionWriter }
    const text = `${value}`.padEnd(padding, ' ')
    const isWritten = writeRecord(this.memory, writer, null, text, null, undefined, 1_000) === 0
    writer.seal()
    return isWritten
  }

  /** The thread that publishes has ended; what it had not published is nowhere. */
  orphan(): void {
    this.#isOrphaned = true
    for (const [partition, { ring }] of this.places.entries()) {
      const known = this.#actors[partition]?.ringOf(ring.ring)
      if (known !== undefined) known.orphaned = true
    }
  }

  /** The partition is deleted. */
  remove(partition: number): void {
    this.#actors[partition]?.giveUpRings()
  }

  actor(partition: number): PartitionActor {
    return this.#actors[partition] as PartitionActor
  }

  /** Whether it could be written. */
  publish(joint: ToyJoint, padding = 0): boolean {
    const text = `${joint.value}`.padEnd(padding, ' ')
    const message = {
      partition: 0,
      key: null,
      value: text,
      headers: null,
      timestamp: undefined,
      fields: null,
      extraBytes: 0,
    }
    const targets = joint.targets.map((partition, at): JointTarget => {
      const { target: producer } = this.places[partition] as Place
      return { at, producer, message }
    })
    return this.#writer.append(targets, joint) === null
  }

  /** To one partition; whether there was room. */
  send(partition: number, value: number): boolean {
    const { writer } = this.places[partition] as Place
    const isWritten = writeRecord(this.memory, writer, null, `${value}`, null, undefined, 1_000) === 0
    writer.seal()
    return isWritten
  }

  /** Bytes of its ring that were published and not given back. */
  unreleased(partition: number): number {
    const { address, capacity } = (this.places[partition] as Place).ring
    const released = new RingConsumer(this.memory, address, capacity)
    released.poll()
    return released.ready
  }

  /** Ends the turn of the thread. */
  seal(): void {
    this.#writer.seal()
  }

  /** The frames are written, but only the first so many rings of the last joint are published, the leading one not among them. */
  sealHalf(rings: number): void {
    const publishes = this.places.map(({ writer }) => writer.publish)
    let left = rings
    for (const { writer } of this.places)
      writer.publish = () => void (left-- > 0 && PartitionWriter.prototype.publish.call(writer))
    this.#writer.seal()
    for (const [index, { writer }] of this.places.entries()) writer.publish = publishes[index] as () => void
  }

  /** Whether any partition did something. */
  pass(): boolean {
    let worked = false
    for (const actor of this.#actors) if (actor.ready() && actor.drain()) worked = true
    return worked
  }

  /** Reads what is new in a partition, and gives its room back. */
  take(partition: number): void {
    const { window, gate } = this.places[partition] as Place
    const reader = new WindowReader(this.memory, window.address, window.capacity)
    reader.follow()
    const actor = this.actor(partition)
    let position = this.memory.load(gate)
    for (const at of actor.frames(position)) {
      position = at
      this.#readFrame(reader, partition, at)
      position = (at + reader.word(at)) | 0
    }
    this.memory.store(gate, position)
  }

  #readFrame(reader: WindowReader, partition: number, frame: number): void {
    let at = frame + FRAME_HEADER_BYTES
    const values = this.read[partition] as number[]
    const base = frameBaseOffset(reader, frame)
    for (let index = 0; index < reader.word(frame + FRAME_COUNT); index++) {
      const length = reader.word(at)
      const bytes = new Uint8Array(length)
      reader.copyOut(at, length, bytes, 0)
      if (base + index !== values.length)
        throw new Error(`t${partition} has offset ${base + index} at ${values.length}`)
      values.push(Number(Buffer.from(bytes.subarray(16)).toString().trim()))
      at = (at + ((length + 7) & ~7)) | 0
    }
  }
}
