/** What a loss of power, or a death, leaves of dead letters: a message is settled, or it comes again and has no letter. */
import t from 'tap'
import { PagePool } from '../base/page-pool.ts'
import { MemoryDisk } from '../log/disk/memory-disk.fixture.ts'
import type { KnownLetters, SettledChange } from '../log/format/settled-change.ts'
import { SettledState } from '../log/store/settled-state.ts'
import type { PartitionActor } from '../partition/partition-actor.ts'
import { FAULT_POINT } from '../wire/layout.ts'
import { settleBuried } from './left-letters.ts'
import { type HouseOptions, QueueHouse } from './queue-house.fixture.ts'

const DROPPING: HouseOptions = { queue: { maxMessages: 3, onFull: 'dropHead' } }
const SETTLED = '/data/host-0.settled'

function sendAll(house: QueueHouse, count: number): void {
  for (let id = 0; id < count; id++) house.send({ value: Buffer.alloc(40, id) })
  house.pass()
}

/** Everything that is there is acked, in this order. */
function ackAll(house: QueueHouse): number[] {
  const end = house.attach(8)
  const acked: number[] = []
  for (let left = 10; left > 0; left--) {
    house.pass()
    end.take()
    for (let delivery = end.begin(); delivery !== null; delivery = end.begin()) {
      acked.push(delivery.offset)
      end.end(delivery, 'ack')
    }
    end.claims.publish()
  }
  return acked
}

function rejectAll(house: QueueHouse): void {
  const end = house.attach(8)
  house.pass()
  end.take()
  for (let delivery = end.begin(); delivery !== null; delivery = end.begin()) end.end(delivery, 'rejected')
  end.claims.publish()
  house.pass()
}

/** The disk as it was, where the power took what was written to these files since; all else is as it is. */
function without(disk: MemoryDisk, before: MemoryDisk, lost: RegExp): MemoryDisk {
  const left = new MemoryDisk()
  for (const path of disk.files) left.put(path, disk.bytesOf(path))
  for (const path of before.files) if (lost.test(path)) left.put(path, before.bytesOf(path))
  return left
}

function copyOf(disk: MemoryDisk): MemoryDisk {
  return without(disk, disk, /$^/)
}

for (const [how, options] of [
  ['dropped', DROPPING],
  ['rejected', {}],
] as const)
  t.test(`what was ${how} does not come again when the power leaves its letter, at os as well`, async t => {
    const disk = new MemoryDisk()
    const house = new QueueHouse({ ...options, disk })
    sendAll(house, 3)
    const before = copyOf(disk)
    if (how === 'dropped') sendAll(house, 2)
    else rejectAll(house)
    const letters = how === 'dropped' ? [0, 1] : [0, 1, 2]
    t.strictSame(house.letterOffsets(), letters)
    const next = new QueueHouse({ ...options, disk: without(disk, before, /settled$/) })
    t.match(next.queue.report(), { deadLettered: letters.length, ready: how === 'dropped' ? 3 : 0 })
    t.strictSame(ackAll(next), how === 'dropped' ? [2, 3, 4] : [])
    t.strictSame(next.letterOffsets(), letters)
    t.match(next.queue.report(), { accepted: how === 'dropped' ? 5 : 3, ready: 0, unacked: 0, bytes: 0 })
  })

t.test('a letter whose message is gone with the power says nothing of the next one at its place', async t => {
  const disk = new MemoryDisk()
  const house = new QueueHouse({ ...DROPPING, disk })
  sendAll(house, 1)
  const before = copyOf(disk)
  sendAll(house, 4)
  t.strictSame(house.letterOffsets(), [0, 1])
  // All but the letters.
  const second = without(disk, before, /settled$|topics\/1-0|ends$|journal/)
  const next = new QueueHouse({ ...DROPPING, disk: second })
  t.match(next.queue.report(), { accepted: 1, ready: 0, deadLettered: 1 })
  sendAll(next, 2)
  // What is known of letters was synced before those were there, so that another loss of power does not take it.
  const power = second.losePower(() => 0.99)
  const third = new QueueHouse({ ...DROPPING, disk: without(second, power, /settled$/) })
  t.strictSame(ackAll(third), [1, 2])
})

t.test('messages that are gone with the power are not counted as dead letters', async t => {
  const disk = new MemoryDisk()
  const house = new QueueHouse({ ...DROPPING, disk })
  sendAll(house, 1)
  const before = copyOf(disk)
  sendAll(house, 4)
  t.match(house.queue.report(), { accepted: 5, deadLettered: 2, acked: 0, ready: 3 })
  const next = new QueueHouse({ ...DROPPING, disk: without(disk, before, /topics\/1-0|ends$|journal/) })
  t.match(next.queue.report(), { accepted: 1, deadLettered: 1, acked: 0, ready: 0 })
})

t.test('letters that are written where others were lost are found', async t => {
  const disk = new MemoryDisk()
  const house = new QueueHouse({ ...DROPPING, disk })
  sendAll(house, 3)
  const before = copyOf(disk)
  sendAll(house, 2)
  const second = without(disk, before, /topics\/2-0/)
  const next = new QueueHouse({ ...DROPPING, disk: second })
  t.strictSame(next.letterOffsets(), [], 'their messages are gone, which `os` does not exclude')
  t.match(next.queue.report(), { accepted: 5, ready: 3, deadLettered: 2 })
  const known = second.bytesOf(SETTLED)
  sendAll(next, 1)
  t.strictSame(next.letterOffsets(), [2])
  second.put(SETTLED, known)
  const third = new QueueHouse({ ...DROPPING, disk: second })
  t.strictSame(ackAll(third), [3, 4, 5])
  t.strictSame(third.letterOffsets(), [2])
})

t.test(
  'a host that dies when a letter is written leaves its message settled, in its process and in the next',
  async t => {
    for (const isNext of [false, true]) {
      let dies = true
      const disk = new MemoryDisk()
      const house = new QueueHouse({
        ...DROPPING,
        disk,
        fault: point => {
          if (dies && point === FAULT_POINT.betweenDeadLetterAndVerdict) throw new Error('dead')
        },
      })
      sendAll(house, 3)
      t.throws(() => sendAll(house, 1), /dead/)
      dies = false
      if (!isNext) house.open()
      const now = isNext ? new QueueHouse({ ...DROPPING, disk }) : house
      t.match(now.queue.report(), { ready: 2, dying: 0, deadLettered: 1 })
      t.strictSame(ackAll(now).slice(0, 2), [1, 2])
      t.strictSame(now.letterOffsets(), [0])
    }
  },
)

interface Look {
  readonly letters?: KnownLetters
  /** Messages in the log. */
  readonly end?: number
  readonly hasTarget?: boolean
  readonly isInMemory?: boolean
  readonly lettersEnd?: number
  /** Of the letters from each offset on. */
  readonly found?: readonly number[]
}

/** Where an opening begins to look, and what it writes down. */
function looks({ letters, end = 10, lettersEnd = 9, found = [], ...more }: Look): unknown {
  const state = new SettledState(new PagePool(), 1, 0)
  const totals = { deadLettered: 4, dropped: 0, purged: 0, cancelled: 0, failures: 0 }
  state.apply({
    topic: 1,
    partition: 0,
    settled: [[0, 3]],
    known: { end: 6, bytes: 500 },
    totals,
    letters: letters ?? null,
  })
  const from: number[] = []
  const written: SettledChange[] = []
  const target = {
    topic: { id: 2 },
    highWatermark: lettersEnd,
    disk: more.isInMemory === true ? null : {},
    sequencesOf: (_cursor: number, offset: number) => {
      from.push(offset)
      return new Set(found)
    },
  }
  settleBuried({
    disk: { place: { topic: 1, partition: 0 }, writeSettledForGood: change => written.push(change) > 0 },
    source: { bytesOf: () => 100 },
    state,
    end,
    target: more.hasTarget === false ? null : (target as unknown as PartitionActor),
    cursor: 5,
  })
  return [from, ...written]
}

t.test('an opening looks at the letters that are new to it, and writes only what is not said', async t => {
  const queue = { topic: 1, partition: 0 }
  const at = (end: number, topic = 2): KnownLetters => ({ topic, end })
  t.strictSame(looks({ letters: at(9) }), [[]], 'there are none')
  t.strictSame(looks({ letters: at(5) }), [[5]], 'none is its own')
  t.strictSame(looks({}), [[0]])
  t.strictSame(looks({ letters: at(9, 3) }), [[0]], 'its letters went elsewhere before')
  t.strictSame(looks({ letters: at(12) }), [[12], { ...queue, letters: at(9) }], 'some were lost')
  t.strictSame(looks({ end: 0 }), [[], { ...queue, letters: at(9) }], 'they are of others, however many there are')
  t.strictSame(looks({ end: 0, lettersEnd: 0 }), [[]])
  t.strictSame(looks({ hasTarget: false }), [[]])
  const totals = { deadLettered: 6, dropped: 0, purged: 0, cancelled: 0, failures: 0 }
  const settled = [
    [5, 6],
    [7, 8],
  ]
  const buried = { ...queue, settled, totals, known: { end: 6, bytes: 400 } }
  // Settled before, there twice, and beyond the end.
  const found = [7, 2, 5, 10]
  t.strictSame(looks({ letters: at(5), found }), [[5], { ...buried, letters: at(9) }])
  t.strictSame(
    looks({ letters: at(5), found: [2, 10] }),
    [[5], { ...queue, letters: at(9) }],
    'their messages are gone',
  )
  t.strictSame(looks({ found, isInMemory: true }), [[0], { ...buried, letters: null }])
  t.strictSame(looks({ found: [2], isInMemory: true }), [[0]])
})

t.test('what was written down of letters goes with what they follow from', async t => {
  const disk = new MemoryDisk()
  const house = new QueueHouse({ disk })
  sendAll(house, 2)
  const known = (): unknown => house.host?.settled.states().next().value?.letters
  rejectAll(house)
  t.strictSame(known(), { topic: 2, end: 2 })
  const next = new QueueHouse({ disk })
  t.match(next.queue.report(), { deadLettered: 2 })
})
