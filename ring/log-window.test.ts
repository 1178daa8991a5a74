/** The window on one thread, against an array of all bytes ever written. */
import fc from 'fast-check'
import t from 'tap'
import { WINDOW_BANK_BYTES, WINDOW_BANKS, WINDOW_END, WINDOW_GENERATION, windowBytes } from './layout.ts'
import { BANK_WORDS, WindowReader, WindowWriter } from './log-window.ts'
import { Memory } from './memory.ts'
import { anyCapacity, anyDoubleBits, anyStart, STARTS } from './positions.fixture.ts'

const ADDRESS = 128

interface Window {
  readonly memory: Memory
  /** Where `copyIn` finds its bytes. */
  readonly source: number
  readonly gates: readonly [number, number]
  writer: WindowWriter
  readonly reader: WindowReader
}

/** An empty window whose positions begin at `start`, with two gates there. */
function windowAt(start: number, capacity: number): Window {
  const source = ADDRESS + windowBytes(capacity)
  const gates = [source + capacity, source + capacity + 128] as const
  const memory = Memory.allocate(source + capacity + 256)
  memory.store(ADDRESS + WINDOW_END, start)
  for (const bank of [0, 1]) {
    const words = (ADDRESS + WINDOW_BANKS + bank * WINDOW_BANK_BYTES) >> 2
    memory.i32[words] = start
    memory.i32[words + 1] = start
  }
  for (const gate of gates) memory.store(gate, start)
  const writer = new WindowWriter(memory, ADDRESS, capacity)
  writer.gates.push(...gates)
  return { memory, source, gates, writer, reader: new WindowReader(memory, ADDRESS, capacity) }
}

function bytesFrom(seed: number, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, index) => (seed * 31 + index * 7) & 0xff)
}

function readAll({ writer, reader }: Window): Uint8Array {
  const bytes = new Uint8Array((reader.end() - writer.start) | 0)
  reader.copyOut(writer.start, bytes.length, bytes, 0)
  return bytes
}

t.test('shows bytes to readers when they are committed, and wraps anywhere', async t => {
  for (const start of STARTS) {
    const window = windowAt(start, 64)
    const { memory, writer, reader, gates } = window
    writer.writeIn(bytesFrom(1, 40))
    t.equal(reader.end(), start)
    writer.commit()
    t.equal(reader.end(), (start + 40) | 0)
    for (const gate of gates) memory.store(gate, (start + 40) | 0)
    t.equal(writer.reclaim(), 64)
    memory.u8.set(bytesFrom(2, 64), window.source)
    writer.copyIn(window.source, 64)
    writer.commit()
    t.same(readAll(window), bytesFrom(2, 64), `start ${start}`)
    t.equal(writer.free(), 0)
  }
})

t.test('does not reclaim past the slower gate', async t => {
  const { memory, writer, gates } = windowAt(0x7fffffe0, 64)
  writer.writeIn(bytesFrom(1, 64))
  writer.commit()
  memory.store(gates[0], (0x7fffffe0 + 64) | 0)
  t.equal(writer.reclaim(), 0)
  memory.store(gates[1], (0x7fffffe0 + 24) | 0)
  t.equal(writer.reclaim(), 24)
  t.equal(writer.reclaim(), 24, 'and does so once')
})

t.test('without gates it keeps what it has until it is dropped', async t => {
  const { writer } = windowAt(0, 64)
  writer.gates.length = 0
  writer.writeIn(bytesFrom(1, 64))
  t.equal(writer.reclaim(), 0)
  writer.drop(16)
  t.equal(writer.free(), 16)
})

t.test('a word is read at its position, also behind the wrap', async t => {
  const window = windowAt(0x7ffffff8, 64)
  const words = Int32Array.from({ length: 16 }, (_, index) => index * 1_000_003)
  window.writer.writeIn(new Uint8Array(words.buffer))
  window.writer.commit()
  for (const [index, word] of words.entries()) t.equal(window.reader.word((0x7ffffff8 + index * 4) | 0), word)
})

t.test('keeps every bit on the way in and out, also of doubles that are not numbers', async () => {
  fc.assert(
    fc.property(
      anyStart,
      fc.array(anyDoubleBits, { minLength: 1, maxLength: 8 }),
      fc.boolean(),
      (start, bits, copies) => {
        const window = windowAt(start, 64)
        const bytes = new Uint8Array(Uint32Array.from(bits.flat()).buffer)
        if (copies) {
          window.memory.u8.set(bytes, window.source)
          window.writer.copyIn(window.source, bytes.length)
        } else window.writer.writeIn(bytes)
        window.writer.commit()
        return Buffer.compare(readAll(window), bytes) === 0
      },
    ),
    { numRuns: 200 },
  )
})

t.test('a successor finds the last commit, with what its owner kept', async t => {
  const { memory, writer } = windowAt(0, 64)
  writer.own.fill(7)
  writer.writeIn(bytesFrom(1, 16))
  writer.commit()
  writer.writeIn(bytesFrom(2, 16))
  const successor = new WindowWriter(memory, ADDRESS, 64)
  t.equal(successor.end, 16)
  t.equal(successor.start, 0)
  t.same(
    [...successor.own],
    Array.from({ length: BANK_WORDS }, () => 7),
  )
  t.equal(memory.load(ADDRESS + WINDOW_GENERATION), 1)
})

t.test('a successor finds whole bytes, though its predecessor died while it overwrote the oldest', async t => {
  const { memory, writer, gates } = windowAt(0, 64)
  writer.writeIn(bytesFrom(1, 64))
  writer.commit()
  for (const gate of gates) memory.store(gate, 32)
  t.equal(writer.reclaim(), 32)
  writer.writeIn(bytesFrom(2, 32))
  const successor = new WindowWriter(memory, ADDRESS, 64)
  t.equal(successor.start, 32, 'the start was given up before its bytes were')
  t.equal(successor.end, 64)
  const left = new Uint8Array(32)
  new WindowReader(memory, ADDRESS, 64).copyOut(32, 32, left, 0)
  t.same(left, bytesFrom(1, 64).subarray(32))
})

type Step =
  | { readonly kind: 'copyIn' | 'writeIn'; readonly share: number }
  | { readonly kind: 'gate'; readonly index: 0 | 1; readonly share: number }
  | { readonly kind: 'commit' | 'reclaim' | 'succeed' }

/** Of what is possible: none, all, or some of it. */
const anyShare = fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true }))

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: anyShare.map(share => ({ kind: 'copyIn' as const, share })) },
  { weight: 3, arbitrary: anyShare.map(share => ({ kind: 'writeIn' as const, share })) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.constantFrom(0 as const, 1 as const), anyShare)
      .map(([index, share]) => ({ kind: 'gate' as const, index, share })),
  },
  { weight: 3, arbitrary: fc.constant({ kind: 'commit' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'reclaim' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'succeed' as const }) },
)

t.test('holds what an array of all bytes holds, with two gates and deaths', async () => {
  const anySmall = anyCapacity.filter(capacity => capacity <= 65_536)
  const anyCase = fc.record({
    capacity: anySmall,
    start: anyStart,
    steps: fc.array(anyStep, { maxLength: 80, size: 'max' }),
  })
  fc.assert(
    fc.property(anyCase, ({ capacity, start, steps }) => {
      const window = windowAt(start, capacity)
      // All of this in bytes since the start, which do not wrap.
      let log = Buffer.alloc(0)
      let committed = 0
      let kept = 0
      const gates: [number, number] = [0, 0]
      let generation = 0
      for (const step of steps) {
        const { writer, memory } = window
        switch (step.kind) {
          case 'copyIn':
          case 'writeIn': {
            const bytes = bytesFrom(++generation, Math.round((step.share * writer.free()) / 8) * 8)
            if (step.kind === 'writeIn') writer.writeIn(bytes)
            else {
              memory.u8.set(bytes, window.source)
              writer.copyIn(window.source, bytes.length)
            }
            log = Buffer.concat([log, bytes])
            writer.own[0] = committed
            break
          }
          case 'gate': {
            const { index, share } = step
            gates[index] += Math.round((share * (committed - gates[index])) / 8) * 8
            memory.store(window.gates[index], (start + gates[index]) | 0)
            break
          }
          case 'commit':
            committed = log.length
            writer.own[0] = committed
            writer.commit()
            break
          case 'reclaim':
            kept = Math.max(kept, Math.min(...gates))
            if (writer.reclaim() !== capacity - (log.length - kept)) throw new Error('free differs')
            break
          case 'succeed': {
            window.writer = new WindowWriter(memory, ADDRESS, capacity)
            window.writer.gates.push(...window.gates)
            log = log.subarray(0, committed)
            if (window.writer.own[0] !== committed) throw new Error('what the owner kept differs')
            kept = committed - ((window.writer.end - window.writer.start) | 0)
            if (kept < 0 || kept > Math.min(...gates)) throw new Error('the start of a successor passed a gate')
            break
          }
        }
        if (window.reader.end() !== ((start + committed) | 0)) throw new Error('end differs')
        const readable = readAll(window)
        if (Buffer.compare(readable, log.subarray(kept, committed)) !== 0) throw new Error('bytes differ')
      }
    }),
    { numRuns: 300 },
  )
})
