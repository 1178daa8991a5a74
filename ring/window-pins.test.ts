/** Pins and the window that overtakes them on one thread, against an array of all bytes ever written. */
import fc from 'fast-check'
import t from 'tap'
import {
  LINE_BYTES,
  PIN_IDLE,
  WINDOW_BANK_BYTES,
  WINDOW_BANKS,
  WINDOW_END,
  WINDOW_LAP,
  WINDOW_START,
  windowBytes,
} from './layout.ts'
import { WindowReader, WindowWriter } from './log-window.ts'
import { Memory } from './memory.ts'
import { anyStart, STARTS } from './positions.fixture.ts'
import { ReaderPin } from './window-pins.ts'

const WINDOW = 128
const LAP_BYTES = 2 ** 30

interface Overtaken {
  readonly memory: Memory
  readonly capacity: number
  readonly pins: readonly [number, number]
  writer: WindowWriter
  readonly reader: WindowReader
}

/** An empty window whose positions begin at `start`, with two readers' pins. */
function windowAt(start: number, capacity: number): Overtaken {
  const pins = [WINDOW + windowBytes(capacity), WINDOW + windowBytes(capacity) + LINE_BYTES] as const
  const memory = Memory.allocate(pins[1] + LINE_BYTES)
  for (const word of [WINDOW_END, WINDOW_START]) memory.store(WINDOW + word, start)
  for (const bank of [0, 1])
    for (const word of [0, 4]) memory.store(WINDOW + WINDOW_BANKS + bank * WINDOW_BANK_BYTES + word, start)
  for (const pin of pins) memory.store(pin, PIN_IDLE)
  return {
    memory,
    capacity,
    pins,
    writer: writerOf(memory, capacity, pins),
    reader: new WindowReader(memory, WINDOW, capacity),
  }
}

function writerOf(memory: Memory, capacity: number, pins: readonly number[]): WindowWriter {
  const writer = new WindowWriter(memory, WINDOW, capacity)
  for (const pin of pins) writer.pins.add(pin)
  return writer
}

function append({ writer }: Overtaken, bytes: number): void {
  writer.writeIn(new Uint8Array(bytes))
  writer.commit()
}

/** Moves start and end on by `bytes`, a multiple of the capacity, without a byte being written. */
function moveOn({ writer, capacity }: Overtaken, bytes: number): boolean {
  for (let moved = 0; moved < bytes; moved += capacity) {
    if (!writer.overtake((writer.end - writer.start) | 0)) return false
    writer.claim(0)
    writer.advance(capacity)
    writer.commit()
  }
  return true
}

t.test('a reader is overtaken while it is outside, and not while it is inside', async t => {
  for (const start of STARTS) {
    const window = windowAt(start, 64)
    const pin = new ReaderPin(window.memory, WINDOW, window.pins[0])
    append(window, 64)
    t.equal(pin.enterOldest(), start)
    t.notOk(window.writer.overtake(16), 'it is inside')
    t.equal(window.writer.free(), 0)
    pin.leave()
    t.ok(window.writer.overtake(16))
    t.equal(window.writer.free(), 16)
    t.notOk(pin.enter(start), 'its bytes are given up')
    t.equal(window.memory.load(window.pins[0]), PIN_IDLE, 'it holds nothing after that')
    t.equal(pin.enterOldest(), (start + 16) | 0)
    t.ok(window.writer.overtake(0), 'it is where the window begins')
  }
})

t.test('where the writer had to wait, readers enter no more, though it then asks for less', async t => {
  const window = windowAt(0x7fffffe0, 64)
  const [slow, fast] = window.pins.map(pin => new ReaderPin(window.memory, WINDOW, pin)) as [ReaderPin, ReaderPin]
  append(window, 64)
  t.ok(slow.enter(0x7fffffe0))
  t.notOk(window.writer.overtake(32))
  t.notOk(fast.enter(0x7fffffe8))
  t.notOk(window.writer.overtake(8))
  t.notOk(fast.enter(0x7ffffff0))
  slow.leave()
  t.ok(window.writer.overtake(8))
  t.equal(window.writer.free(), 32, 'it gives up what it has told readers')
})

t.test('the start that readers are told does not go back under a successor', async t => {
  const window = windowAt(0x7fffffe0, 64)
  const { memory, pins } = window
  const pin = new ReaderPin(memory, WINDOW, pins[0])
  append(window, 64)
  t.ok(pin.enter(0x7fffffe0))
  t.notOk(window.writer.overtake(48))
  const successor = writerOf(memory, 64, pins)
  t.equal(successor.start, 0x7fffffe0, 'what was not overwritten is there')
  t.equal(memory.load(WINDOW + WINDOW_START), (0x7fffffe0 + 48) | 0)
  t.notOk(successor.overtake(8))
  t.equal(memory.load(WINDOW + WINDOW_START), (0x7fffffe0 + 48) | 0)
})

t.test('what a window was to leave out and did not leaves it empty, with all its room', async t => {
  const window = windowAt(0x7fffffe0, 64)
  append(window, 24)
  t.ok(window.writer.skip(128))
  t.equal(window.writer.free(), 64)
  window.writer.rewind()
  t.equal(window.writer.start, window.writer.end)
  t.equal(window.writer.free(), 64)
  t.throws(() => window.writer.moveTo({ address: 100, capacity: 64 }), RangeError)
  t.throws(() => window.writer.moveTo({ address: 128, capacity: 96 }), RangeError)
})

for (const how of ['its writer has died', 'a reader was copying'] as const)
  t.test(`no frame lies across where readers were told that the window begins: ${how}`, async t => {
    const window = windowAt(0x7fffffe0, 128)
    const { memory, pins, reader } = window
    const pin = new ReaderPin(memory, WINDOW, pins[0])
    append(window, 24)
    const isCopying = how === 'a reader was copying'
    if (isCopying) t.ok(pin.enter(0x7fffffe0))
    t.equal(window.writer.skip(32), !isCopying)
    if (!isCopying) window.writer = writerOf(memory, 128, pins)
    t.ok(window.writer.isPassed)
    t.equal(window.writer.free(), 0)
    if (isCopying) {
      t.notOk(window.writer.overtake(0))
      t.ok(window.writer.isPassed)
      pin.leave()
    }
    t.ok(window.writer.overtake(0))
    t.notOk(window.writer.isPassed)
    t.equal(window.writer.free(), 128)
    for (const bytes of [16, 24]) {
      append(window, bytes)
      t.equal(pin.enterOldest(), (0x7fffffe0 + 24 + 32) | 0)
      pin.leave()
    }
    t.equal(reader.end(), (0x7fffffe0 + 24 + 32 + 40) | 0)
    window.writer = writerOf(memory, 128, pins)
    t.notOk(window.writer.isPassed)
    t.equal((window.writer.end - window.writer.start) | 0, 40, 'and a successor finds them')
  })

t.test('what is left out in place of what was not begins no earlier', async t => {
  const window = windowAt(0, 64)
  append(window, 24)
  t.ok(window.writer.skip(128))
  window.writer = writerOf(window.memory, 64, window.pins)
  t.ok(window.writer.skip(72))
  t.equal(window.writer.end, 24 + 128)
  t.notOk(window.writer.isPassed)
})

t.test('a window whose readers have gates is never passed', async t => {
  const writer = new WindowWriter(Memory.allocate(windowBytes(64)), 0, 64)
  writer.advance(-8)
  t.notOk(writer.isPassed)
})

t.test('a successor counts the lap that its predecessor died before', async t => {
  const window = windowAt(LAP_BYTES - 64, 64)
  append(window, 64)
  window.memory.store(WINDOW + WINDOW_START, LAP_BYTES)
  writerOf(window.memory, 64, window.pins)
  t.equal(window.memory.load(WINDOW + WINDOW_LAP), 1)
})

t.test('who is inside holds the writer until its pin is removed', async t => {
  const window = windowAt(0, 64)
  append(window, 64)
  t.equal(new ReaderPin(window.memory, WINDOW, window.pins[1]).enterOldest(), 0)
  t.notOk(window.writer.overtake(8))
  window.writer.pins.remove(window.pins[1])
  window.writer.pins.remove(window.pins[1])
  t.ok(window.writer.overtake(8))
})

t.test('a reader that is behind by any number of laps is out', async t => {
  const window = windowAt(0, 1 << 20)
  const pin = new ReaderPin(window.memory, WINDOW, window.pins[0])
  append(window, 1 << 20)
  t.equal(pin.enterOldest(), 0)
  pin.leave()
  for (let lap = 1; lap <= 9; lap++) {
    t.ok(moveOn(window, LAP_BYTES))
    t.notOk(pin.enter(0), `${lap} laps behind`)
  }
  const entered = pin.enterOldest()
  t.equal(entered, window.writer.start)
  pin.leave()
  t.ok(pin.enter(entered as number))
})

t.test('a reader that keeps up enters through all laps', async t => {
  const window = windowAt(0, 1 << 20)
  const pin = new ReaderPin(window.memory, WINDOW, window.pins[0])
  append(window, 1 << 20)
  let outside = 0
  let position = pin.enterOldest() as number
  for (let moved = 0; moved < 5 * LAP_BYTES; moved += 1 << 20) {
    pin.leave()
    moveOn(window, 1 << 20)
    position = (position + (1 << 20)) | 0
    if (!pin.enter(position)) outside++
  }
  t.equal(outside, 0)
})

type Step =
  | { readonly kind: 'write' | 'overtake'; readonly share: number }
  | { readonly kind: 'enter' | 'leave'; readonly reader: 0 | 1 }
  | { readonly kind: 'commit' | 'rewind' | 'succeed' }

const anyShare = fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true }))
const anyReader = fc.constantFrom(0 as const, 1 as const)

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: anyShare.map(share => ({ kind: 'write' as const, share })) },
  { weight: 4, arbitrary: anyShare.map(share => ({ kind: 'overtake' as const, share })) },
  { weight: 3, arbitrary: anyReader.map(reader => ({ kind: 'enter' as const, reader })) },
  { weight: 4, arbitrary: anyReader.map(reader => ({ kind: 'leave' as const, reader })) },
  {
    weight: 5,
    arbitrary: fc
      .constantFrom(...(['commit', 'commit', 'commit', 'rewind', 'succeed'] as const))
      .map(kind => ({ kind })),
  },
)

t.test('who is inside sees what an array of all bytes holds, whatever the writer does', async t => {
  let fallen = 0
  let waited = 0
  const anyCase = fc.record({
    capacity: fc.constantFrom(64, 128, 1_024),
    start: fc.oneof(anyStart, fc.constantFrom(LAP_BYTES - 128, LAP_BYTES * 2 - 128, -LAP_BYTES - 128)),
    steps: fc.array(anyStep, { maxLength: 80, size: 'max' }),
  })
  fc.assert(
    fc.property(anyCase, ({ capacity, start, steps }) => {
      const window = windowAt(start, capacity)
      const { memory, pins, reader } = window
      const readers = pins.map(address => ({
        pin: new ReaderPin(memory, WINDOW, address),
        // In bytes since the start, as all of this; null: at the oldest.
        next: null as number | null,
        from: null as number | null,
        to: 0,
      }))
      let log: number[] = []
      let committed = 0
      let seed = 0
      /** What readers were told last. */
      let told = 0
      for (const step of steps) {
        const { writer } = window
        switch (step.kind) {
          case 'write': {
            const bytes = Uint8Array.from(
              { length: Math.round((step.share * writer.free()) / 8) * 8 },
              () => ++seed & 0xff,
            )
            writer.writeIn(bytes)
            log = log.concat(...bytes)
            break
          }
          case 'overtake': {
            const kept = (writer.committedEnd - writer.start) | 0
            const bytes = Math.round((step.share * kept) / 8) * 8
            const target = Math.max(told, committed - kept + bytes)
            const holds = readers.some(({ from }) => from !== null && from < target)
            if (writer.overtake(bytes) === holds) throw new Error(`overtakes ${holds ? 'who is' : 'nobody'} inside`)
            told = target
            if (holds) waited++
            else if (writer.start !== ((start + target) | 0)) throw new Error('start differs')
            break
          }
          case 'enter': {
            const one = readers[step.reader] as (typeof readers)[number]
            if (one.from !== null) break
            const at = one.next
            const entered = at === null ? one.pin.enterOldest() !== null : one.pin.enter((start + at) | 0)
            if (entered !== (at === null || at >= told)) throw new Error('enters what is given up, or not what is kept')
            one.from = entered ? (at ?? told) : null
            one.to = committed
            if (!entered) {
              one.next = null
              fallen++
            }
            break
          }
          case 'leave': {
            const one = readers[step.reader] as (typeof readers)[number]
            if (one.from === null) break
            one.pin.leave()
            one.from = null
            one.next = one.to
            break
          }
          case 'commit':
            committed = log.length
            writer.own[0] = committed
            writer.commit()
            break
          case 'rewind':
            writer.rewind()
            log.length = committed
            break
          case 'succeed':
            window.writer = writerOf(memory, capacity, pins)
            log.length = committed
            if (window.writer.own[0] !== committed) throw new Error('what the owner kept differs')
            break
        }
        if (memory.load(WINDOW + WINDOW_START) !== ((start + told) | 0))
          throw new Error('what readers are told differs')
        if (reader.end() !== ((start + committed) | 0)) throw new Error('end differs')
        // All that anybody may be looking at, and what a successor would find.
        const own = committed - ((window.writer.committedEnd - window.writer.start) | 0)
        for (const from of [own, ...readers.map(({ from }) => from)]) {
          if (from === null) continue
          const bytes = new Uint8Array(committed - from)
          reader.copyOut((start + from) | 0, bytes.length, bytes, 0)
          if (Buffer.compare(bytes, Uint8Array.from(log.slice(from, committed))) !== 0) throw new Error('bytes differ')
        }
      }
    }),
    { numRuns: 300 },
  )
  t.ok(fallen > 20, `${fallen} times a reader fell out`)
  t.ok(waited > 20, `${waited} times the writer had to wait`)
})
