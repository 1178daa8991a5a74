/** What a queue has settled is found by the host that owns it, however the number of hosts went up and down. */
import t from 'tap'
import { MemoryDisk } from '../log/disk/memory-disk.fixture.ts'
import { seeded } from '../log/store/journal.fixture.ts'
import { SettledLog, settledPath } from '../log/store/settled-log.ts'
import { handSettledOver } from './host-settled.ts'

const LOG_ID: Uint8Array = new Uint8Array(16).fill(3)
/** A queue that is no more. */
const GONE = 99

function hosts(disk: MemoryDisk) {
  const open = (host: number): SettledLog => SettledLog.open(disk, settledPath('/dir', host), LOG_ID)
  return {
    /** `floors`: of queues, by their number, which is their place. */
    write(host: number, floors: Record<number, number>): void {
      const log = open(host)
      log.write(
        Object.entries(floors).map(([topic, floor]) => ({
          topic: Number(topic),
          partition: 0,
          settled: [
            [0, floor],
            [floor + 2, floor + 3],
          ],
        })),
      )
      log.close()
    },
    read(host: number): Record<number, number> {
      const log = open(host)
      const found = [...log.states()].map(({ topic, floor, settled }) => {
        return [topic, JSON.stringify(settled.ranges()) === JSON.stringify([[floor + 2, floor + 3]]) ? floor : 'torn']
      })
      log.close()
      return Object.fromEntries(found)
    },
    hand(before: number, now: number): void {
      const handed = { disk, dir: '/dir', logId: LOG_ID, before, now, onCut: () => undefined }
      handSettledOver(handed, topic => (topic === GONE ? null : topic))
    },
  }
}

t.test('a queue goes where its place is, and back with what was settled there', async t => {
  const { write, read, hand } = hosts(new MemoryDisk())
  write(0, { 0: 10, 2: 20 })
  write(1, { 1: 30, [GONE]: 1 })
  hand(2, 1)
  t.same(read(0), { 0: 10, 1: 30, 2: 20 })
  write(0, { 1: 33, 2: 25 })
  hand(1, 3)
  t.match(read(1), { 1: 33 })
  t.match(read(2), { 2: 25 })
  write(2, { 2: 28 })
  hand(3, 2)
  t.match(read(0), { 0: 10, 2: 28 }, 'what this host knew of it before is out of date')
  t.match(read(1), { 1: 33 })
})

t.test('what a host knows of a queue that its owner knows nothing of is out of date', async t => {
  const { write, read, hand } = hosts(new MemoryDisk())
  write(0, { 1: 5 })
  write(1, { 3: 6 })
  hand(2, 1)
  t.same(read(0), { 3: 6 })
})

t.test('wherever the power is lost, doing it again loses nothing', async t => {
  const chance = seeded(4)
  for (let fuse = 0; ; fuse++) {
    const disk = new MemoryDisk()
    const first = hosts(disk)
    first.write(0, { 0: 4, 3: 44 })
    first.write(1, { 1: 5, 2: 1 })
    first.write(2, { 1: 2, 2: 6 })
    disk.fuse = fuse
    let isDone = true
    try {
      first.hand(3, 2)
    } catch {
      isDone = false
    }
    const after = hosts(disk.losePower(chance))
    if (!isDone) after.hand(3, 2)
    const found = [after.read(0), after.read(1)]
    if (found[0]?.[0] !== 4 || found[0][2] !== 6 || found[1]?.[1] !== 5 || found[1][3] !== 44) {
      t.match(
        found,
        [
          { 0: 4, 2: 6 },
          { 1: 5, 3: 44 },
        ],
        `lost at operation ${fuse}`,
      )
      return
    }
    if (!isDone) continue
    t.ok(fuse > 10, `${fuse} operations`)
    return
  }
})
