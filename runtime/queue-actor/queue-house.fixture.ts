/** A work queue over shared memory of its own: a test is its producer and its consumers, and may end its host at any point. */
import { Arena, ClaimReceiver, Memory, RingConsumer, ringBytes, windowBytes } from 'sharedarraybuffer-ring'
import { letterIndexBytes } from '../dead-letters/memory-letter-index.ts'
import { deliveriesOf } from '../link/delivery-fetch.fixture.ts'
import type { TakenDelivery } from '../link/delivery-fetch.ts'
import { DeliveryReader } from '../link/delivery-reader.ts'
import type { HostLink, Settlement } from '../link/host-link.ts'
import { RECEIPT_APPENDED, SETTLE, type SettleHow } from '../link/link.ts'
import type { MemoryDisk } from '../log/disk/memory-disk.fixture.ts'
import { FRAME_BASE_SEQUENCE, frameStart } from '../log/format/frame.ts'
import { recordIn, type StoredRecord } from '../log/format/stored-record.ts'
import { IncomingRing } from '../partition/incoming-ring.ts'
import { Joints } from '../partition/joints.ts'
import { PartitionActor } from '../partition/partition-actor.ts'
import { NO_LOANS } from '../partition/partition-house.fixture.ts'
import { framesOf } from '../partition/window-records.ts'
import { type GivenTimes, messageFields, type SentRequest } from '../publish/message-fields.ts'
import { checkedId } from '../publish/message-id.ts'
import { PartitionWriter } from '../publish/partition-writer.ts'
import { writeRecord } from '../publish/record-writer.ts'
import { claimEntries, deliveryPlace } from '../wire/delivery-places.ts'
import type { SlotCrash } from '../wire/host-calls.ts'
import { PARTITION_BYTES, QUEUE_SLOT_CLAIMS, QUEUE_SLOT_PREFETCH, QUEUE_SLOT_STACK } from '../wire/layout.ts'
import type { GroupPlace, SlotPlace, TopicShape } from '../wire/places.ts'
import {
  consumerSlotBytes,
  idBlockBytes,
  type QueueShape,
  queueBlockBytes,
  queueMessages,
} from '../wire/queue-places.ts'
import { QueueActor } from './queue-actor.ts'
import { QueueDisk } from './queue-disk.fixture.ts'
import type { QueueUpcalls } from './queue-parts.ts'

export const QUEUE_SHAPE: QueueShape = {
  priorities: 4,
  maxMessages: Number.POSITIVE_INFINITY,
  maxBytes: Number.POSITIVE_INFINITY,
  onFull: 'wait',
  singleActive: false,
  dedupeMs: 0,
  dedupeMaxIds: 0,
  messageTtlMs: Number.POSITIVE_INFINITY,
  keyConcurrency: Number.POSITIVE_INFINITY,
  keyOrder: 'fifo',
  rate: null,
}

export interface HouseOptions {
  readonly queue?: Partial<QueueShape>
  readonly policy?: Partial<GroupPlace['policy']>
  readonly windowBytes?: number
  readonly letterBytes?: number
  /** The queue and its letters are on this disk, which may have been another house's. */
  readonly disk?: MemoryDisk
  readonly segmentBytes?: number
  /** Whether its producer gives messages numbers of their own. */
  readonly isNumbered?: boolean
  /** On disk; default `os`. */
  readonly durability?: 'os' | 'fsync'
  /** Called at each fault point; it may throw, and then the host is dead. */
  readonly fault?: (point: number) => void
}

export interface HouseAnswer {
  readonly id: string
  readonly how: 'took' | 'has' | 'full' | 'failed'
  readonly offset: number
}

export interface SentValue extends GivenTimes {
  readonly value: Uint8Array
  readonly priority?: number
  readonly id?: string
  readonly number?: number
  readonly request?: SentRequest
  readonly key?: string
  /** The first one of a frame says when the frame was made. */
  readonly timestamp?: number
}

const QUEUE = 5
const FOR_EVER: number = Number.POSITIVE_INFINITY
const RING = 131_072

/** A consumer's end: what its thread would do. */
export class ConsumerEnd {
  readonly place: SlotPlace
  readonly reader: DeliveryReader
  readonly claims: ClaimReceiver
  readonly #memory: Memory
  /** Taken, and not begun. */
  readonly waiting: TakenDelivery[] = []
  readonly begun: TakenDelivery[] = []
  /** Settlements in its link, which a host reads in order and gives back when it has acted upon them. */
  readonly link: Settlement[] = []
  bytesOf: Map<TakenDelivery, Buffer> = new Map()

  constructor(memory: Memory, place: SlotPlace) {
    this.#memory = memory
    this.place = place
    const { entries, ringCapacity } = place.consumer as NonNullable<SlotPlace['consumer']>
    const at = deliveryPlace(place.epoch, place.slot + QUEUE_SLOT_CLAIMS, entries, ringCapacity)
    this.reader = new DeliveryReader(memory, at)
    this.claims = new ClaimReceiver(memory, at.claims, entries)
  }

  wants(prefetch: number): void {
    this.#memory.store(this.place.slot + QUEUE_SLOT_PREFETCH, prefetch)
  }

  stack(tag: number): void {
    this.#memory.i32[(this.place.slot + QUEUE_SLOT_STACK) >> 2] = tag
  }

  take(): void {
    for (let fetch = this.reader.take(); fetch !== null; fetch = this.reader.take())
      for (const delivery of deliveriesOf(fetch)) {
        this.waiting.push(delivery)
        this.bytesOf.set(delivery, fetch.bytes.subarray(delivery.start, delivery.end))
      }
  }

  begin(at = 0): TakenDelivery | null {
    const [delivery] = this.waiting.splice(at, 1)
    if (delivery === undefined || !this.claims.begin(delivery.tag)) return null
    this.begun.push(delivery)
    return delivery
  }

  end(delivery: TakenDelivery, how: 'ack' | 'release' | SettleHow): void {
    this.begun.splice(this.begun.indexOf(delivery), 1)
    if (how === 'ack' || how === 'release') {
      this.claims[how](delivery.tag)
      return
    }
    const { cursor, epoch } = this.place
    const error = JSON.stringify({ name: 'Error', message: how })
    this.link.push({ cursor, epoch, offset: delivery.offset, how: SETTLE[how], deliveryAttempt: delivery.tag, error })
    this.claims.report(delivery.tag)
  }

  /** A batch failed as a whole. */
  halve(batch: readonly TakenDelivery[]): void {
    const { cursor, epoch } = this.place
    const error = JSON.stringify(batch.map(({ tag }) => tag))
    this.link.push({ cursor, epoch, offset: 0, how: SETTLE.halved, deliveryAttempt: 1, error })
    for (const delivery of batch) {
      this.begun.splice(this.begun.indexOf(delivery), 1)
      this.claims.report(delivery.tag)
    }
  }

  yield(): void {
    for (const { tag } of this.waiting.splice(0)) this.claims.yield(tag)
  }
}

export class QueueHouse {
  readonly memory: Memory = Memory.allocate(1 << 23)
  readonly arena: Arena = new Arena(this.memory, 128)
  readonly topic: TopicShape
  readonly place: GroupPlace
  readonly consumers: ConsumerEnd[] = []
  /** Offsets of the receipts published; -1: refused. */
  readonly receipts: number[] = []
  readonly told: string[] = []
  /** How often its partition was told that there may be room. */
  roomTold = 0
  readonly #options: HouseOptions
  readonly #window: { readonly address: number; readonly capacity: number }
  readonly #words: number
  readonly #letterWindow: { readonly address: number; readonly capacity: number }
  readonly #letterWords: number
  readonly #letterIndex: number
  readonly #ring: { readonly address: number; readonly capacity: number }
  readonly #writer: PartitionWriter
  #cursor = 100
  /** Its partition is to look again at what waits in its ring. */
  #hasRoom = false
  /** What the host has open; null: it is in memory only. */
  host: QueueDisk | null = null
  partition!: PartitionActor
  letters!: PartitionActor
  queue!: QueueActor

  constructor(options: HouseOptions = {}) {
    this.#options = options
    const capacity = options.windowBytes ?? 65_536
    const letters = options.letterBytes ?? 65_536
    const { arena, memory } = this
    this.topic = {
      id: 1,
      name: 'jobs',
      partitions: 1,
      codec: 'bytes',
      maxMessageBytes: 8_000,
      windowBytes: capacity,
      onFull: options.queue?.onFull === 'reject' || options.queue?.onFull === 'dropHead' ? 'reject' : 'wait',
      durability: options.disk === undefined ? 'memory' : (options.durability ?? 'os'),
      log:
        options.disk === undefined
          ? null
          : { segmentBytes: options.segmentBytes ?? 65_536, retentionMs: FOR_EVER, retentionBytes: FOR_EVER },
      queue: { ...QUEUE_SHAPE, ...options.queue },
    }
    this.#window = { address: arena.allocate(windowBytes(capacity)), capacity }
    this.#words = arena.allocate(PARTITION_BYTES)
    this.#letterWindow = { address: arena.allocate(windowBytes(letters)), capacity: letters }
    this.#letterWords = arena.allocate(PARTITION_BYTES)
    this.#letterIndex = arena.allocate(letterIndexBytes(letters))
    this.#ring = { address: arena.allocate(ringBytes(RING)), capacity: RING }
    this.place = {
      cursor: QUEUE,
      topic: 1,
      topicName: 'jobs',
      group: 'queue',
      partition: 0,
      block: arena.allocate(queueBlockBytes(capacity) + idBlockBytes({ ...QUEUE_SHAPE, ...options.queue })),
      policy: {
        attempts: 3,
        hasDeadLetters: true,
        initialMs: 0,
        maxMs: 0,
        jitter: 0,
        atMostOnce: false,
        order: 'none',
        ...options.policy,
      },
      deadLetterTopic: 2,
      deadLetterPartition: 0,
      from: 'earliest',
      snapshotOffset: null,
      queue: { messages: options.disk === undefined ? queueMessages(capacity) : 0 },
    }
    const ring = { ring: 7, partition: 0, host: 0, ...this.#ring, words: this.#words, widest: RING }
    // Of messages with ids each has a frame of its own.
    this.#writer = new PartitionWriter(
      memory,
      ring,
      1,
      options.isNumbered ?? false,
      (options.queue?.dedupeMs ?? 0) > 0 ? 1 : undefined,
    )
    this.open()
  }

  /** The host begins, or its successor does. */
  open(): void {
    const { memory, topic, place } = this
    const { queue: _, ...plain } = topic
    const letters = { ...plain, id: 2, name: 'jobs.dlq', windowBytes: this.#letterWindow.capacity }
    const { disk } = this.#options
    const fault = (point: number): void => this.#options.fault?.(point)
    // What its predecessor had not published is not there.
    this.#unseen.length = 0
    this.host = disk === undefined ? null : new QueueDisk(disk, [topic, letters], fault)
    const upcalls = (shape: TopicShape, words: number) => ({
      fault,
      ringDrained: () => undefined,
      joints: new Joints(() => undefined),
      woken: () => undefined,
      took: () => undefined,
      log: this.host?.log(shape, words) ?? null,
      windows: NO_LOANS,
    })
    this.partition = new PartitionActor(
      memory,
      { topic: 1, partition: 0, host: 0, window: this.#window, words: this.#words, log: null },
      topic,
      upcalls(topic, this.#words),
    )
    this.letters = new PartitionActor(
      memory,
      { topic: 2, partition: 0, host: 0, window: this.#letterWindow, words: this.#letterWords, log: null },
      letters,
      upcalls(letters, this.#letterWords),
    )
    this.letters.takeDeadLetters(this.#letterIndex)
    const queueUpcalls: QueueUpcalls = {
      deadLettered: ({ offset, reason }) => void this.told.push(`dead ${offset} ${reason}`),
      attemptFailed: ({ offset, failedAttempts }) => void this.told.push(`failed ${offset} ${failedAttempts}`),
      looping: ({ id, deliveryAttempts }) => void this.told.push(`looping ${id} ${deliveryAttempts}`),
      handedOut: () => undefined,
      woken: () => undefined,
      hasRoom: () => {
        this.roomTold++
        this.#hasRoom = true
      },
      fault: point => this.#options.fault?.(point),
      callers: {
        waits: ({ client }) => this.waiting(client),
        answer: ({ request }, kind, bytes) =>
          void this.told.push(`answer ${request} ${kind} ${Buffer.from(bytes).toString()}`.trim()),
      },
    }
    const shape = topic.queue as QueueShape
    this.queue = new QueueActor(memory, place, shape, [this.partition, this.letters], queueUpcalls)
    for (const { place: slot } of this.consumers) this.#openSlot(slot)
    const consumer = new RingConsumer(memory, this.#ring.address, this.#ring.capacity)
    this.partition.addRing(new IncomingRing(7, consumer, this.#link, 0, false))
  }

  /** Whether a client may wait for an answer. */
  waiting: (client: number) => boolean = () => true

  #openSlot(slot: SlotPlace): void {
    this.queue.openSlot(slot, slot.consumer as NonNullable<SlotPlace['consumer']>, this.#link)
  }

  readonly #unseen: Parameters<HostLink['receipt']>[] = []
  /** What the sender heard of its messages, in their order. */
  readonly answers: HouseAnswer[] = []
  readonly #link = {
    promised: 0,
    thread: 1,
    room: () => 1_000,
    receipt: (...receipt: Parameters<HostLink['receipt']>) => {
      this.#unseen.push(receipt)
    },
    publish: () => {
      const published = this.#unseen.splice(0)
      for (const receipt of published) this.#receive(...receipt)
      return published.length > 0
    },
    awaits: () => undefined,
    wake: () => undefined,
    ring: () => undefined,
  } as unknown as HostLink

  /** Notes the offset of each frame that a receipt is for; -1: it was not appended. */
  #receive(...receipt: Parameters<HostLink['receipt']>): void {
    const [ring, ringEnd, offset, status, more = 0] = receipt
    this.receipts.push(status === RECEIPT_APPENDED ? offset : -1)
    let ticket = this.#writer.tickets.oldest
    for (let left = more, at = offset; left > 0; left--) {
      at += ticket?.count ?? 0
      ticket = ticket?.next ?? null
      this.receipts.push(at)
    }
    this.#writer.receipt(ring, ringEnd, offset, status, more)
  }

  /** Publishes a frame of messages, each with this value; how many had room in its ring. */
  send(...values: readonly SentValue[]): number {
    let sent = 0
    for (const { value, priority = 0, key = null, timestamp, id, number, request, ...times } of values) {
      const shape = this.topic.queue as QueueShape
      const named = id === undefined ? null : checkedId(id, 'jobs', shape)
      const fields = messageFields(priority, times, shape, named, request)
      if (writeRecord(this.memory, this.#writer, key, value, null, timestamp, 8_000, fields) !== 0) break
      if (number !== undefined) this.#writer.sequence(number)
      sent++
      if (id !== undefined) this.#hear(id)
    }
    this.#writer.seal()
    return sent
  }

  /** Of the message that was written last. */
  #hear(id: string): void {
    const say = (how: HouseAnswer['how'], offset = -1): void => void this.answers.push({ id, how, offset })
    this.#writer.observe({
      done: false,
      appended: (_writer, base, first, _count, isDuplicate) => say(isDuplicate ? 'has' : 'took', base + first),
      failed: () => say('failed'),
      refused: () => say('full'),
    })
  }

  attach(prefetch: number, priority = 0, ringCapacity = 4_096): ConsumerEnd {
    const entries = claimEntries(prefetch)
    const consumer = { queue: QUEUE, entries, ringCapacity, priority, prefetch }
    const slot = this.arena.allocate(consumerSlotBytes(consumer))
    const cursor = this.#cursor++
    const end = new ConsumerEnd(this.memory, { cursor, epoch: cursor, slot, thread: 1, confirms: false, consumer })
    this.consumers.push(end)
    end.wants(prefetch)
    this.#openSlot(end.place)
    return end
  }

  /** What the host of a thread does before and after a consumer's end. */
  close(end: ConsumerEnd, crash: SlotCrash | null): void {
    this.links(end)
    this.queue.closeSlot(end.place.cursor, end.place.epoch, crash)
    this.consumers.splice(this.consumers.indexOf(end), 1)
  }

  /** Takes in what consumers say by their links. */
  links(...ends: readonly ConsumerEnd[]): void {
    for (const { link } of ends.length === 0 ? this.consumers : ends)
      for (let said = link[0]; said !== undefined; said = link[0]) {
        this.queue.settle(said)
        link.shift()
      }
  }

  /** Passes of the host until nothing is done. */
  pass(): void {
    for (let left = 1_000; left > 0; left--) {
      this.links()
      const drained = this.partition.drain()
      this.#commitFrames()
      const worked = this.queue.work()
      const staged = worked ? this.queue.stage() : null
      if (staged !== null) this.host?.commit([staged])
      if (!worked && !drained && !this.#hasRoom) return
      this.#hasRoom = false
    }
    throw new Error('the host does not come to rest')
  }

  #commitFrames(): void {
    const { partition } = this
    const frames = partition.staged
    if (frames === null) return
    const committed = (): void => partition.commitStaged()
    this.host?.commit([{ frames: [frames], committed, failed: status => partition.failStaged(status) }])
  }

  /** Values of the dead letters on disk. */
  letterValues(): Buffer[] {
    const { disk } = this.letters
    if (disk === null) return []
    return [...disk.frames(disk.startOffset, disk.endOffset)].map(frame => {
      const { bytes, valueStart, valueEnd } = recordIn(frame, frameStart(frame)) as StoredRecord
      return bytes.subarray(valueStart, valueEnd)
    })
  }

  /** Source offsets of the dead letters written, each as often as it was. */
  letterOffsets(): number[] {
    const { window, reader, disk } = this.letters
    if (disk !== null)
      return [...disk.frames(disk.startOffset, disk.endOffset)]
        .map(frame => frame.readInt32LE(FRAME_BASE_SEQUENCE))
        .sort((a, b) => a - b)
    const sequences = [...framesOf(window, reader)].map(position => reader.word(position + FRAME_BASE_SEQUENCE))
    return sequences.sort((a, b) => a - b)
  }
}
