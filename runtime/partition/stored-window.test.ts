/** The window of a partition on disk: what goes past it, and how it is made larger and small again under a reader. */
import { PIN_IDLE, ReaderPin } from 'sharedarraybuffer-ring'
import t from 'tap'
import { RECEIPT_APPENDED, RECEIPT_FAILED } from '../link/link.ts'
import { FAULT_POINT } from '../wire/layout.ts'
import type { PartitionActor } from './partition-actor.ts'
import type { PartitionDisk } from './partition-disk.ts'
import { type House, house, NO_LOANS, takingLog } from './partition-house.fixture.ts'
import type { StoredWindow, WindowTold } from './stored-window.ts'
import { QUIET_LOOKS } from './window-need.ts'

/** A frame of the house has some 15,000 bytes. */
const FRAME = 15_088
const REST = 8_192

interface Told {
  readonly asked: number[]
  readonly moved: (readonly [number, number])[]
  readonly told: WindowTold
}

function teller(): Told {
  const asked: number[] = []
  const moved: (readonly [number, number])[] = []
  const told = {
    ...NO_LOANS,
    asks: (_: StoredWindow, bytes: number) => void asked.push(bytes),
    moved: (_: StoredWindow, address: number, number: number) => void moved.push([address, number]),
  }
  return { asked, moved, told }
}

function append(partition: PartitionActor): void {
  partition.drain()
  partition.commitStaged()
}

/** A window of so many bytes somewhere else, as an offer. */
function offerOf({ arena }: House, capacity: number, number: number) {
  return { address: arena.allocate(capacity), capacity, number }
}

t.test('frames that the window can never hold go to the log out of their ring, in one commit', async t => {
  const home = house(false, REST)
  const partition = home.actor({ log: takingLog(home) })
  home.publish(3)
  t.ok(partition.drain())
  const staged = partition.staged
  t.equal(staged?.bytes, 3 * FRAME)
  t.equal(staged?.parts.length, 1, 'they lie one behind the other')
  t.equal(staged?.endOffset, 3)
  partition.commitStaged()
  t.strictSame(home.receipts, [0, 1, 2])
  t.equal(partition.highWatermark, 3)
  t.equal(partition.window.start, partition.window.end, 'nothing is left in the window')
  t.equal(partition.reader.end(), 3 * FRAME)
  t.notOk(partition.drain(), 'the ring is released')
})

t.test('a ring that has more than a small window holds is taken at once, and a large one as ever', async t => {
  const small = house(false, 32_768)
  const partition = small.actor({ log: takingLog(small) })
  small.publish(3)
  t.ok(partition.drain())
  t.equal(partition.staged?.bytes, 3 * FRAME)
  const large = house(false)
  const other = large.actor({ log: takingLog(large) })
  large.publish(5)
  t.ok(other.drain())
  t.not(other.window.start, other.window.end, 'they are in the window')
})

t.test('a reader that looks at the window holds back what goes past it, and nothing is lost', async t => {
  const home = house(false, 32_768)
  const partition = home.actor({ log: takingLog(home) })
  const pin = home.gate
  home.memory.store(pin, PIN_IDLE)
  partition.window.pins.add(pin)
  home.publish(1)
  append(partition)
  const reader = new ReaderPin(home.memory, partition.window.address, pin)
  t.equal(reader.enterOldest(), 0)
  home.publish(4)
  t.notOk(partition.drain())
  t.ok(partition.full)
  t.ok(partition.ready(), 'the host tries again by itself')
  reader.leave()
  append(partition)
  t.strictSame(home.receipts, [0, 1, 2, 3, 4])
})

t.test('what the disk does not take is forgotten, where it was past the window, too', async t => {
  const home = house(false, REST)
  const log = takingLog(home)
  const partition = home.actor({ log })
  home.publish(2)
  t.ok(partition.drain())
  partition.failStaged(RECEIPT_FAILED)
  t.equal(partition.highWatermark, 0)
  t.equal(partition.window.end, partition.window.start)
  t.equal(partition.reader.end(), 0)
  t.equal(home.actor({ log }).highWatermark, 0)
})

t.test('where a predecessor died before it had left something out, frames begin where readers were told', async t => {
  const home = house(false, 32_768)
  const pin = home.gate
  const logged: unknown[] = []
  const entry = (_: unknown, from: number, end: number) => void logged.push([from, end])
  const log = { ...takingLog(home), entry } as unknown as PartitionDisk
  t.ok(home.actor({ log }).window.skip(1_000))
  const partition = home.actor({ log })
  // A reader that had come before.
  home.memory.store(pin, 0)
  partition.window.pins.add(pin)
  home.publish(2)
  t.notOk(partition.drain())
  t.ok(partition.full)
  t.ok(partition.ready(), 'the host tries again by itself')
  const reader = new ReaderPin(home.memory, partition.window.address, pin)
  reader.leave()
  t.ok(partition.drain())
  t.equal(partition.staged, undefined)
  partition.commitStaged()
  const end = 1_000 + 2 * FRAME
  t.strictSame(logged, [[1_000, end]], 'and so they are written to the log')
  t.strictSame(home.receipts, [0, 1])
  t.equal(reader.enterOldest(), 1_000)
  t.equal(partition.reader.end(), end)
  reader.leave()
})

t.test('a successor gives the answers of what went past the window as the log has them', async t => {
  const home = house(false, REST)
  let dies = true
  const asked: unknown[] = []
  const answersOf = (ring: number, from: number, end: number) => {
    asked.push([ring, from, end])
    // Each frame of this ring ends so much further on.
    return [2, 3].map(offset => ({ ringEnd: (offset + 1) * FRAME, baseOffset: offset, status: RECEIPT_APPENDED }))
  }
  const log = { ...takingLog(home), answersOf } as unknown as PartitionDisk
  home.publish(2)
  append(home.actor({ log }))
  const first = home.actor({
    log,
    fault: point => {
      if (dies && point === FAULT_POINT.betweenWindowAndRing) throw new Error('died')
    },
  })
  home.publish(2)
  t.ok(first.drain())
  home.receipts.length = 0
  asked.length = 0
  t.throws(() => first.commitStaged(), /died/)
  dies = false
  const second = home.actor({ log })
  t.strictSame(asked, [[7, 2, 4]])
  t.strictSame(home.receipts, [2, 3])
  t.notOk(second.drain(), 'the ring was taken up to there')
})

t.test('a window becomes larger when its partition is busy, and small again when it is not', async t => {
  const home = house(false, REST)
  const { asked, moved, told } = teller()
  const partition = home.actor({ log: takingLog(home), windows: told })
  const stored = partition.stored as StoredWindow
  home.publish(3)
  append(partition)
  t.strictSame(asked, [65_536])
  const offer = offerOf(home, 65_536, 1)
  stored.offer(offer)
  t.strictSame(moved, [[offer.address, 1]])
  t.equal(partition.window.capacity, 65_536)
  home.publish(1)
  append(partition)
  t.equal([...partition.frames()].length, 1, 'it is in the window now')
  for (let look = 0; look < QUIET_LOOKS; look++) {
    t.equal(partition.window.capacity, 65_536)
    stored.look()
  }
  stored.look()
  t.strictSame(moved, [
    [offer.address, 1],
    [0, 1],
  ])
  t.equal(partition.window.capacity, REST)
  t.notOk(stored.look(), 'it need not be looked at')
})

t.test('it moves when no reader is copying', async t => {
  const home = house(false, 32_768)
  const { moved, told } = teller()
  const partition = home.actor({ log: takingLog(home), windows: told })
  const pin = home.gate
  home.memory.store(pin, PIN_IDLE)
  partition.window.pins.add(pin)
  home.publish(1)
  append(partition)
  const reader = new ReaderPin(home.memory, partition.window.address, pin)
  t.equal(reader.enterOldest(), 0)
  const offer = offerOf(home, 65_536, 1)
  partition.stored?.offer(offer)
  t.strictSame(moved, [])
  reader.leave()
  partition.stored?.look()
  t.strictSame(moved, [[offer.address, 1]])
})

t.test('an offer that is heard twice, or was called back, is not taken up again', async t => {
  const home = house(false, REST)
  const { moved, told } = teller()
  const stored = home.actor({ log: takingLog(home), windows: told }).stored as StoredWindow
  const offer = offerOf(home, 65_536, 1)
  stored.offer(offer)
  stored.recall()
  stored.offer(offer)
  t.strictSame(moved, [
    [offer.address, 1],
    [0, 1],
  ])
})

t.test('a window does not move while answers are owed that only it has', async t => {
  const home = house(false, 32_768)
  const log = takingLog(home)
  const first = home.actor({
    log,
    fault: point => {
      if (point === FAULT_POINT.betweenRingAndReceipt) throw new Error('died')
    },
  })
  home.publish(2)
  t.ok(first.drain())
  t.throws(() => first.commitStaged(), /died/)
  home.room = 1
  const { moved, told } = teller()
  const second = home.actor({ log, windows: told })
  t.strictSame(home.receipts, [0])
  const offer = offerOf(home, 65_536, 1)
  second.stored?.restore({ number: 1, offer })
  second.stored?.look()
  t.strictSame(moved, [[0, 0]], 'it only tells where it is')
  home.room = 1_000
  home.receipts.length = 0
  const third = home.actor({ log, windows: told })
  t.strictSame(home.receipts, [0, 1], 'a second death has lost none')
  third.stored?.restore({ number: 1, offer })
  t.strictSame(moved.at(-1), [offer.address, 1])
})

t.test('a successor finds its window where its predecessor had moved it, and tells', async t => {
  const home = house(false, REST)
  const log = takingLog(home)
  const first = home.actor({ log })
  const offer = offerOf(home, 65_536, 1)
  first.stored?.offer(offer)
  home.publish(2)
  append(first)
  const { moved, told } = teller()
  const second = home.actor({ log, windows: told })
  t.equal([...second.frames()].length, 2)
  second.stored?.restore({ number: 1, offer })
  t.strictSame(moved, [[offer.address, 1]], 'it had taken it up')
  const next = offerOf(home, 131_072, 2)
  const third = home.actor({ log, windows: told })
  third.stored?.restore({ number: 2, offer: next })
  t.strictSame(moved.slice(1), [
    [offer.address, 1],
    [next.address, 2],
  ])
  const fourth = home.actor({ log, windows: told })
  fourth.stored?.restore({ number: 2, offer: null })
  fourth.stored?.offer(next)
  t.strictSame(moved.slice(3), [[next.address, 2]], 'a call that is made again is known by its number')
})
