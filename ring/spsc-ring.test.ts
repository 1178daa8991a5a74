/** The ring on one thread, against an array. spsc-ring.stress.test.ts has two threads. */
import fc from 'fast-check'
import t from 'tap'
import { align8, RING_CLOSED, RING_DATA, RING_HEAD, RING_TAIL, ringBytes } from './layout.ts'
import { Memory, type MemoryKind } from './memory.ts'
import { anyCapacity, anyDoubleBits, anyStart, STARTS } from './positions.fixture.ts'
import { CORRUPT, EMPTY, FULL, RingConsumer, RingProducer } from './spsc-ring.ts'

const ADDRESS = 256

interface Ring {
  readonly memory: Memory
  readonly capacity: number
  producer: RingProducer
  consumer: RingConsumer
}

function ringAt(start: number, capacity: number, kind: MemoryKind = 'js'): Ring {
  const bytes = ADDRESS + ringBytes(capacity) + 128
  const memory = Memory.allocate(bytes, kind)
  memory.u8.fill(0xee, 0, bytes)
  for (const [word, value] of [
    [RING_TAIL, start],
    [RING_HEAD, start],
    [RING_CLOSED, 0],
  ] as const)
    memory.store(ADDRESS + word, value)
  return {
    memory,
    capacity,
    producer: new RingProducer(memory, ADDRESS, capacity),
    consumer: new RingConsumer(memory, ADDRESS, capacity),
  }
}

/** Writes a record of `length` bytes full of `mark`; whether there was room. */
function write({ memory, producer }: Ring, length: number, mark: number): boolean {
  const address = producer.claim(length)
  if (address === FULL) return false
  memory.u8.fill(mark, address + 4, address + length)
  memory.i32[address >> 2] = length
  producer.advance(length)
  return true
}

/** The record at the head as `[length, mark]`, walked over; a number says that there is none. */
function read({ memory, consumer }: Ring): readonly [number, number] | number {
  const address = consumer.next()
  if (address < 0) return address
  const length = memory.i32[address >> 2] as number
  const payload = memory.bytes.subarray(address + 4, address + length)
  const mark = payload[0] as number
  if (!payload.equals(Buffer.alloc(payload.length, mark))) throw new Error(`a record of ${length} bytes is torn`)
  consumer.advance(length)
  return [length, mark]
}

t.test('gives a record back as it was written, once it is published', async t => {
  const ring = ringAt(0, 64)
  t.equal(ring.consumer.poll(), false)
  t.equal(ring.consumer.next(), EMPTY)
  t.ok(write(ring, 13, 7))
  t.equal(ring.consumer.poll(), false, 'not before publish')
  ring.producer.publish()
  t.equal(ring.consumer.poll(), true)
  t.same(read(ring), [13, 7])
  t.equal(read(ring), EMPTY)
  t.equal(ring.producer.used(), 16, 'the room comes back by release')
  t.equal(ring.consumer.release(), true)
  t.equal(ring.consumer.release(), false, 'nothing more to release')
  t.equal(ring.producer.used(), 0)
})

t.test('takes exactly its capacity, and one byte more is full', async t => {
  for (const start of STARTS) {
    const ring = ringAt(start, 64)
    // From an offset of 0 in the data; elsewhere a whole ring of contiguous bytes does not exist.
    const fits = (start & 63) === 0
    t.equal(write(ring, 64, 1), fits, `start ${start}`)
    if (!fits) continue
    t.equal(write(ring, 8, 2), false)
    ring.producer.publish()
    ring.consumer.poll()
    t.same(read(ring), [64, 1])
    t.equal(write(ring, 8, 2), false, 'walked over is not released')
    ring.consumer.release()
    t.equal(write(ring, 65, 3), false)
    t.equal(write(ring, 64, 3), true)
  }
})

t.test('pads to its end rather than split a record', async t => {
  const ring = ringAt(0, 64)
  write(ring, 40, 1)
  ring.producer.publish()
  ring.consumer.poll()
  read(ring)
  ring.consumer.release()
  t.ok(write(ring, 32, 2))
  t.equal(ring.producer.tail, 96, '24 bytes of padding and the record')
  t.equal(write(ring, 8, 3), true)
  t.equal(write(ring, 8, 4), false, 'padding counts as used')
  ring.producer.publish()
  ring.consumer.poll()
  t.same(read(ring), [32, 2])
  t.same(read(ring), [8, 3])
})

t.test('room is what is contiguous and free', async t => {
  const ring = ringAt(0, 64)
  t.equal(ring.producer.room(16), 64)
  write(ring, 48, 1)
  t.equal(ring.producer.room(16), 16)
  ring.producer.publish()
  ring.consumer.poll()
  read(ring)
  ring.consumer.release()
  t.equal(ring.producer.room(64), 16, 'up to the end of the data')
})

t.test('says that it is drained only when it is closed and walked over', async t => {
  const ring = ringAt(0x7ffffff8, 128)
  write(ring, 24, 1)
  ring.producer.publish()
  t.equal(ring.consumer.drained, false)
  ring.producer.close()
  t.equal(ring.consumer.drained, false)
  t.same(read(ring), [24, 1])
  t.equal(ring.consumer.drained, true)
})

t.test('a length that cannot be is corrupt, and does not move the head', async t => {
  for (const [length, why] of [
    [0, 'none'],
    [4, 'shorter than the least'],
    [-8, 'padding that does not reach the end'],
    [24, 'past the tail'],
    [-64, 'padding past the tail'],
    [0x7fffffff, 'huge'],
    [-0x80000000, 'hugely negative'],
  ] as const) {
    const ring = ringAt(0, 64)
    write(ring, 16, 1)
    ring.producer.publish()
    ring.memory.i32[(ADDRESS + 384) >> 2] = length
    ring.consumer.poll()
    t.equal(ring.consumer.next(), CORRUPT, why)
    t.equal(ring.consumer.head, 0)
  }
  const ring = ringAt(48, 64)
  write(ring, 16, 1)
  write(ring, 40, 2)
  ring.producer.publish()
  ring.memory.i32[(ADDRESS + 384 + 48) >> 2] = 24
  ring.consumer.poll()
  t.equal(ring.consumer.next(), CORRUPT, 'past the end of the data')
})

t.test('a position that cannot be is corrupt, and is not followed', async t => {
  for (const [head, tail, why] of [
    [0, 72, 'more than the capacity ahead'],
    [0x7ffffff8, 0x7ffffff0, 'behind the head'],
    [0, -0x80000000, 'half the numbers away'],
    [0, 12, 'no multiple of 8'],
    [4, 20, 'both no multiple of 8'],
  ] as const) {
    const { memory, capacity } = ringAt(head, 64)
    memory.store(ADDRESS + RING_TAIL, tail)
    memory.i32.fill(8, (ADDRESS + RING_DATA) >> 2, (ADDRESS + RING_DATA + capacity) >> 2)
    const consumer = new RingConsumer(memory, ADDRESS, capacity)
    t.equal(consumer.poll(), true, why)
    t.equal(consumer.next(), CORRUPT, why)
    t.equal(consumer.head, head)
    t.equal(consumer.release(), false)
  }
})

/** Lengths as they are, as they could be and as they cannot be. */
const anyWord = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(8, 12, 16, 24) },
  { weight: 1, arbitrary: fc.constantFrom(0, -8, -16, -64, 0x7fffffff, -0x80000000) },
  { weight: 1, arbitrary: fc.integer({ min: -128, max: 128 }) },
  { weight: 1, arbitrary: fc.integer({ min: -0x80000000, max: 0x7fffffff }) },
)

t.test('finds in garbage whole records between head and tail, or that it is corrupt', async t => {
  const anyCase = fc.record({
    capacity: fc.constantFrom(64, 128, 256),
    head: anyStart,
    ahead: fc.oneof(
      fc.integer({ min: 0, max: 32 }).map(eighth => eighth * 8),
      anyWord,
    ),
    words: fc.array(anyWord, { minLength: 64, maxLength: 64, size: 'max' }),
  })
  let whole = 0
  let corrupt = 0
  fc.assert(
    fc.property(anyCase, ({ capacity, head, ahead, words }) => {
      const { memory } = ringAt(head, capacity)
      for (let word = 0; word < capacity >> 2; word++)
        memory.i32[((ADDRESS + RING_DATA) >> 2) + word] = words[word] as number
      memory.store(ADDRESS + RING_TAIL, (head + ahead) | 0)
      const consumer = new RingConsumer(memory, ADDRESS, capacity)
      const before = Buffer.from(memory.u8)
      consumer.poll()
      let walked = 0
      for (;;) {
        const at = consumer.next()
        walked = (consumer.head - head) | 0
        if (walked < 0 || walked > Math.max(0, Math.min(ahead, capacity))) throw new Error(`walked ${walked} bytes`)
        if (at < 0) {
          if (at === EMPTY ? walked !== ahead : at !== CORRUPT) throw new Error(`said ${at} after ${walked} bytes`)
          if (at === CORRUPT) corrupt++
          break
        }
        const length = memory.i32[at >> 2] as number
        const from = at - ADDRESS - RING_DATA
        if (length < 8 || from < 0 || from + length > capacity || walked + length > ahead)
          throw new Error(`a record of ${length} bytes at ${from}`)
        whole++
        consumer.advance(length)
      }
      consumer.poll()
      return before.equals(memory.u8)
    }),
    { numRuns: 2_000 },
  )
  t.ok(whole > 100 && corrupt > 100, `${whole} records, ${corrupt} times corrupt`)
})

t.test('keeps every bit, also of doubles that are not numbers', async () => {
  const anyPayloads = fc.array(fc.array(anyDoubleBits, { maxLength: 6 }), { maxLength: 40 })
  fc.assert(
    fc.property(anyStart, anyPayloads, (start, payloads) => {
      const ring = ringAt(start, 128)
      const { memory, producer, consumer } = ring
      const unread: Buffer[] = []
      const readAll = (): void => {
        consumer.poll()
        for (let at = consumer.next(); at >= 0; at = consumer.next()) {
          const length = memory.i32[at >> 2] as number
          if (!unread.shift()?.equals(memory.u8.subarray(at + 8, at + length))) throw new Error('bits differ')
          consumer.advance(length)
        }
        consumer.release()
      }
      for (const payload of payloads) {
        const bytes = Buffer.from(Uint32Array.from(payload.flat()).buffer)
        const length = 8 + bytes.length
        let at = producer.claim(length)
        if (at === FULL) {
          readAll()
          at = producer.claim(length)
        }
        memory.i32[at >> 2] = length
        memory.u8.set(bytes, at + 8)
        producer.advance(length)
        producer.publish()
        unread.push(bytes)
      }
      readAll()
      return unread.length === 0
    }),
    { numRuns: 300 },
  )
})

type Step =
  /** A record up to the end of the data, or so that 8 bytes are left there. */
  | { readonly kind: 'writeToEnd'; readonly left: 0 | 8 }
  | { readonly kind: 'write'; readonly length: number }
  | { readonly kind: 'publish' | 'abort' | 'release' | 'reopenProducer' | 'reopenConsumer' }
  | { readonly kind: 'read'; readonly records: number }

function anyStep(capacity: number): fc.Arbitrary<Step> {
  const half = capacity >> 1
  const length = fc.oneof(
    fc.constantFrom(8, half, half - 1, half + 8, capacity, capacity + 1),
    fc.integer({ min: 8, max: Math.min(64, capacity) }),
    fc.integer({ min: 8, max: half }),
  )
  return fc.oneof(
    { weight: 6, arbitrary: length.map(bytes => ({ kind: 'write' as const, length: bytes })) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(0 as const, 8 as const).map(left => ({ kind: 'writeToEnd' as const, left })),
    },
    { weight: 3, arbitrary: fc.constant({ kind: 'publish' as const }) },
    { weight: 4, arbitrary: fc.integer({ min: 1, max: 8 }).map(records => ({ kind: 'read' as const, records })) },
    { weight: 3, arbitrary: fc.constant({ kind: 'release' as const }) },
    { weight: 1, arbitrary: fc.constantFrom('abort' as const, 'reopenProducer' as const).map(kind => ({ kind })) },
    { weight: 1, arbitrary: fc.constant({ kind: 'reopenConsumer' as const }) },
  )
}

interface Written {
  readonly length: number
  readonly mark: number
  /** Position after it, counted from the start without wrapping. */
  readonly end: number
}

/** What a ring does, with positions that do not wrap and an array of records. */
class Model {
  readonly #capacity: number
  readonly #offset: number
  /** Written, published, walked over and released so far. */
  tail = 0
  published = 0
  head = 0
  released = 0
  records: Written[] = []
  /** Index of the next record to read, and the one that a successor of the consumer would read. */
  next = 0
  nextReleased = 0

  constructor(start: number, capacity: number) {
    this.#capacity = capacity
    this.#offset = start & (capacity - 1)
  }

  get toEnd(): number {
    return this.#capacity - ((this.#offset + this.tail) % this.#capacity)
  }

  write(length: number, mark: number): boolean {
    const need = align8(length)
    const { toEnd } = this
    const total = need <= toEnd ? need : toEnd + need
    if (this.tail + total - this.released > this.#capacity) return false
    this.tail += total
    this.records.push({ length, mark, end: this.tail })
    return true
  }

  read(): readonly [number, number] | number {
    const record = this.records[this.next]
    if (record === undefined || record.end > this.published) return EMPTY
    this.next++
    this.head = record.end
    return [record.length, record.mark]
  }

  /** By the producer, or by its successor when it died. */
  abort(): void {
    this.tail = this.published
    this.records = this.records.filter(({ end }) => end <= this.published)
  }

  release(): void {
    this.released = this.head
    this.nextReleased = this.next
  }

  reopenConsumer(): void {
    this.head = this.released
    this.next = this.nextReleased
  }
}

for (const [kind, numRuns] of [
  ['js', 250],
  ['wasm', 50],
] as const)
  t.test(`does what an array does, whatever the steps, ${kind}`, async () => {
    const anyCase = fc.record({ capacity: anyCapacity, start: anyStart }).chain(({ capacity, start }) =>
      fc.record({
        capacity: fc.constant(capacity),
        start: fc.constant(start),
        steps: fc.array(anyStep(capacity), { maxLength: 150, size: 'max' }),
      }),
    )
    fc.assert(
      fc.property(anyCase, ({ capacity, start, steps }) => {
        const ring = ringAt(start, capacity, kind)
        const model = new Model(start, capacity)
        let mark = 0
        for (const step of steps) {
          switch (step.kind) {
            case 'write':
            case 'writeToEnd': {
              mark = (mark + 1) & 0xff
              const length = step.kind === 'write' ? step.length : Math.max(8, model.toEnd - step.left)
              if (write(ring, length, mark) !== model.write(length, mark)) throw new Error('room differs')
              break
            }
            case 'publish':
              ring.producer.publish()
              model.published = model.tail
              break
            case 'read':
              ring.consumer.poll()
              for (let record = 0; record < step.records; record++) {
                const [got, wanted] = [read(ring), model.read()]
                if (String(got) !== String(wanted)) throw new Error(`read ${got}, not ${wanted}`)
              }
              break
            case 'release':
              ring.consumer.release()
              model.release()
              break
            case 'abort':
              ring.producer.abort()
              model.abort()
              break
            case 'reopenProducer':
              ring.producer = new RingProducer(ring.memory, ADDRESS, capacity)
              model.abort()
              break
            case 'reopenConsumer':
              ring.consumer = new RingConsumer(ring.memory, ADDRESS, capacity)
              model.reopenConsumer()
              break
          }
          if (ring.producer.used() !== model.tail - model.released) throw new Error('used differs')
        }
        const { u8 } = ring.memory
        const end = ADDRESS + ringBytes(capacity)
        const around = [u8.subarray(0, ADDRESS), u8.subarray(end, end + 128)]
        return around.every(bytes => bytes.every(byte => byte === 0xee))
      }),
      { numRuns },
    )
  })
