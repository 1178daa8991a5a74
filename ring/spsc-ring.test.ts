/** The ring on one thread, against an array. spsc-ring.stress.test.ts has two threads. */
import fc from 'fast-check'
import t from 'tap'
import { align8, RING_CLOSED, RING_HEAD, RING_TAIL, ringBytes } from './layout.ts'
import { Memory } from './memory.ts'
import { anyCapacity, anyStart, STARTS } from './positions.fixture.ts'
import { CORRUPT, EMPTY, FULL, RingConsumer, RingProducer } from './spsc-ring.ts'

const ADDRESS = 256

interface Ring {
  readonly memory: Memory
  readonly capacity: number
  producer: RingProducer
  consumer: RingConsumer
}

function ringAt(start: number, capacity: number): Ring {
  const memory = Memory.allocate(ADDRESS + ringBytes(capacity) + 128)
  memory.u8.fill(0xee)
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
  const payload = [...memory.u8.subarray(address + 4, address + length)]
  const mark = payload[0] as number
  if (payload.some(byte => byte !== mark)) throw new Error(`a record of ${length} bytes is torn: ${payload.join(' ')}`)
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

type Step =
  | { readonly kind: 'write'; readonly length: number }
  | { readonly kind: 'publish' | 'release' | 'reopenProducer' | 'reopenConsumer' }
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
    { weight: 3, arbitrary: fc.constant({ kind: 'publish' as const }) },
    { weight: 4, arbitrary: fc.integer({ min: 1, max: 8 }).map(records => ({ kind: 'read' as const, records })) },
    { weight: 3, arbitrary: fc.constant({ kind: 'release' as const }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'reopenProducer' as const }) },
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

  write(length: number, mark: number): boolean {
    const need = align8(length)
    const toEnd = this.#capacity - ((this.#offset + this.tail) % this.#capacity)
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

  reopenProducer(): void {
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

t.test('does what an array does, whatever the steps', async () => {
  const anyCase = fc.record({ capacity: anyCapacity, start: anyStart }).chain(({ capacity, start }) =>
    fc.record({
      capacity: fc.constant(capacity),
      start: fc.constant(start),
      steps: fc.array(anyStep(capacity), { maxLength: 150, size: 'max' }),
    }),
  )
  fc.assert(
    fc.property(anyCase, ({ capacity, start, steps }) => {
      const ring = ringAt(start, capacity)
      const model = new Model(start, capacity)
      let mark = 0
      for (const step of steps) {
        switch (step.kind) {
          case 'write': {
            mark = (mark + 1) & 0xff
            if (write(ring, step.length, mark) !== model.write(step.length, mark)) throw new Error('room differs')
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
          case 'reopenProducer':
            ring.producer = new RingProducer(ring.memory, ADDRESS, capacity)
            model.reopenProducer()
            break
          case 'reopenConsumer':
            ring.consumer = new RingConsumer(ring.memory, ADDRESS, capacity)
            model.reopenConsumer()
            break
        }
        if (ring.producer.used() !== model.tail - model.released) throw new Error('used differs')
      }
      const { u8 } = ring.memory
      return u8.subarray(0, ADDRESS).every(byte => byte === 0xee) && u8.subarray(-128).every(byte => byte === 0xee)
    }),
    { numRuns: 400 },
  )
})
