/**
 * A queue's segments are removed and rewritten, and the power is lost, or the process ends, at any operation: what is not
 * settled is there, byte by byte, and what was settled for good stays settled.
 */
import t from 'tap'
import { drawn, portion } from '../../proof/fixtures/portion.fixture.ts'
import { MemoryDisk, PowerLoss } from '../disk/memory-disk.fixture.ts'
import { verifyFolder } from '../folder/log-verify.ts'
import type { FaultPoint } from './fault-point.ts'
import { seeded } from './journal.fixture.ts'
import { QUEUE, ReclaimedQueue, ROOT } from './reclaimed-queue.fixture.ts'

const SEEDS = 200
const LIVES = 4
const FOLDER = `${ROOT}/topics/${QUEUE}-0`

/** What must be found after a death. */
class Expected {
  readonly messages = new Map<number, Buffer>()
  /** Those whose settlement may have been written, and those of which it was. */
  readonly maybe = new Set<number>()
  readonly settled = new Set<number>()
  /** Of these it is durable. */
  readonly durable = new Set<number>()

  /** What is wrong with a queue that was opened again; `hasPower`: only the process ended. */
  wrong(queue: ReclaimedQueue, disk: MemoryDisk, hasPower: boolean): string | null {
    const found = queue.read(disk)
    for (const [offset, record] of this.messages) {
      const isSettled = queue.isSettled(offset)
      if (isSettled && !this.maybe.has(offset)) return `message ${offset} is settled, and never was`
      if (!isSettled && this.durable.has(offset)) return `message ${offset} is not settled any more`
      if (!isSettled && hasPower && this.settled.has(offset)) return `message ${offset} is not settled after a death`
      const there = found.get(offset)
      if (!isSettled && there === undefined) return `message ${offset} is gone`
      if (there !== undefined && !there.equals(record)) return `message ${offset} is another`
    }
    if (queue.stored.endOffset !== this.messages.size) return `the log ends at ${queue.stored.endOffset}`
    if (disk.files.some(file => /\.(?:new|joined)$/.test(file))) return 'a file was left behind'
    return damageIn(disk, this.messages.size)
  }

  /** What was found counts from now on. */
  take(queue: ReclaimedQueue): void {
    for (const set of [this.maybe, this.settled, this.durable]) {
      set.clear()
      for (const offset of this.messages.keys()) if (queue.isSettled(offset)) set.add(offset)
    }
  }
}

/** What verify says of the segments before this offset; indexes are only hints. */
function damageIn(disk: MemoryDisk, endOffset: number): string | null {
  const { files } = verifyFolder(disk, FOLDER)
  const damaged = files.find(({ kind, damage }) => kind === 'segment' && damage !== null && damage.offset < endOffset)
  return damaged === undefined ? null : `${damaged.file}: ${damaged.damage?.why}`
}

/** Some frames are appended, some messages settled, and what can be is given back, until the power is lost. */
function live(queue: ReclaimedQueue, disk: MemoryDisk, expected: Expected, chance: () => number): void {
  const below = (limit: number): number => Math.floor(chance() * limit)
  // One message is not settled in this life: all others that are hold no segment.
  const stuck = chance() < 0.5 ? queue.state.floor : -1
  for (;;) {
    const append = below(5)
    for (let frame = 0; frame < append; frame++) {
      const [messages, valueBytes] = [1 + below(5), 10 + below(chance() < 0.1 ? 800 : 90)]
      const before = queue.stored.endOffset
      // Whatever becomes of it, these are the only bytes that may come to be there.
      const records = queue.append(messages, valueBytes)
      if (before !== expected.messages.size) throw new Error('the log has another end')
      for (const [offset, record] of records) expected.messages.set(offset, record)
    }
    const some = [...expected.messages.keys()].filter(offset => !queue.isSettled(offset))
    const share = stuck >= 0 ? 1 : chance() < 0.5 ? 0.9 : 0.3
    const settled = some
      .filter(offset => offset !== stuck && chance() < share)
      .map((offset): [number, number] => [offset, offset + 1])
    for (const [offset] of settled) expected.maybe.add(offset)
    queue.settle(...settled)
    for (const [offset] of settled) expected.settled.add(offset)
    for (let tends = below(6); tends > 0; tends--) queue.tend(disk, chance() < 0.2 ? 1_100 : 10)
    if (queue.settled.isSynced) for (const offset of expected.settled) expected.durable.add(offset)
  }
}

for (const hasPower of [true, false])
  t.test(`${hasPower ? 'an end of the process' : 'a loss of power'} at any operation loses no message`, async t => {
    const points = new Map<FaultPoint, number>()
    const fault = (point: FaultPoint): void => void points.set(point, (points.get(point) ?? 0) + 1)
    let seeds = 0
    for (const seed of drawn(SEEDS, hasPower ? 6 : 7)) {
      seeds++
      const chance = seeded(seed)
      let disk = new MemoryDisk()
      const expected = new Expected()
      for (let life = 0; life < LIVES; life++) {
        disk.fuse = 20 + Math.floor(chance() * 400)
        try {
          live(new ReclaimedQueue(disk, { fault }), disk, expected, chance)
        } catch (error) {
          if (!(error instanceof PowerLoss)) throw error
        }
        disk = hasPower ? disk.copy() : disk.losePower(chance)
        const before = disk.copy()
        const queue = new ReclaimedQueue(disk)
        // A frame of which the append was not answered may be there, whole, or not.
        if (queue.stored.endOffset > expected.messages.size)
          for (const [offset, record] of queue.read(disk))
            if (offset >= expected.messages.size) expected.messages.set(offset, record)
        const wrong =
          expected.wrong(queue, disk, hasPower) ?? (hasPower ? damageIn(before, queue.stored.endOffset) : null)
        if (wrong !== null) {
          t.fail(`seed ${seed} life ${life}: ${wrong}`)
          return
        }
        expected.take(queue)
        if (chance() < 0.5) queue.close()
      }
    }
    t.equal(seeds, Math.ceil(SEEDS / portion.of))
    for (const point of ['segmentsUnneeded', 'segmentRewritten', 'segmentReplaced', 'segmentsJoined'] as const)
      t.ok((points.get(point) ?? 0) > (portion.of > 1 ? 1 : 100), `${point}: ${points.get(point)} times`)
  })

/** A message that stays, and dead segments behind it that are still as they were. */
function pinned(disk: MemoryDisk): { readonly queue: ReclaimedQueue; readonly expected: Expected } {
  const queue = new ReclaimedQueue(disk)
  const expected = new Expected()
  for (let frame = 0; frame < 60; frame++)
    for (const [offset, record] of queue.append(1, 100)) expected.messages.set(offset, record)
  for (let offset = 1; offset < 45; offset++) expected.maybe.add(offset)
  queue.settle([1, 45])
  queue.settled.sync()
  for (const set of [expected.settled, expected.durable]) for (const offset of expected.maybe) set.add(offset)
  queue.logs.wantCheckpoint()
  for (const act of [() => queue.logs.tend(0), () => disk.settle()]) act()
  return { queue, expected }
}

for (const hasPower of [true, false])
  t.test(`joining segments may end at each operation, ${hasPower ? 'and goes on' : 'with the power'}`, async t => {
    const joined = new Set<number>()
    for (let fuse = 0; ; fuse++) {
      const disk = new MemoryDisk()
      const { queue, expected } = pinned(disk)
      const { segments } = queue.stored.log
      disk.fuse = fuse
      let isDone = true
      try {
        queue.rest(disk)
      } catch (error) {
        if (!(error instanceof PowerLoss)) throw error
        isDone = false
      }
      for (let draw = 0; draw < (hasPower ? 1 : 12); draw++) {
        const left = hasPower ? disk.copy() : disk.losePower(seeded(100 * fuse + draw))
        const before = left.copy()
        const next = new ReclaimedQueue(left)
        const wrong = expected.wrong(next, left, hasPower) ?? damageIn(before, next.stored.endOffset)
        if (wrong !== null) t.fail(`operation ${fuse}, draw ${draw}: ${wrong}`)
        joined.add(next.stored.log.segments)
        next.rest(left)
        // The one that stays, one of all that are dead, and two that are needed.
        const stays = expected.wrong(next, left, true)
        if (stays !== null || next.stored.log.segments !== 4) t.fail(`operation ${fuse}, draw ${draw}, later: ${stays}`)
      }
      if (!isDone) continue
      t.ok(fuse > 25, `${fuse} operations`)
      t.ok(joined.has(segments) && joined.has(4), `${[...joined]} segments were found`)
      return
    }
  })
