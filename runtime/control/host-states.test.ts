/** Every entry is found by the host that owns it, however the number of hosts went up and down. */
import t from 'tap'
import { MemoryDisk } from '../log/disk/memory-disk.fixture.ts'
import { StateLog } from '../log/store/state-log.ts'
import { handStatesOver } from './host-states.ts'

const LOG_ID: Uint8Array = new Uint8Array(16).fill(3)
const STATES = {
  kind: 'letters',
  placeOf: (key: string): number | null => (key === 'nobody' ? null : Number(key.split('/')[1])),
}

function hosts(disk: MemoryDisk) {
  const open = (host: number): StateLog =>
    StateLog.open(disk, `/dir/host-${host}.letters`, { logId: LOG_ID, syncs: false })
  return {
    write(host: number, changes: [string, unknown][]): void {
      const log = open(host)
      log.write(changes)
      log.sync()
      log.close()
    },
    read(host: number): Record<string, unknown> {
      const log = open(host)
      const found = Object.fromEntries(log.entries())
      log.close()
      return found
    },
    hand: (before: number, now: number): void =>
      handStatesOver({ disk, dir: '/dir', logId: LOG_ID, before, now, onCut: () => undefined }, STATES),
  }
}

t.test('an entry goes where its partition goes, and back with what was written there', async t => {
  const { write, read, hand } = hosts(new MemoryDisk())
  write(0, [
    ['9/0', 'a'],
    ['9/2', 'b'],
  ])
  write(1, [
    ['9/1', 'c'],
    ['9/1/4', 'hole'],
    ['nobody', 'x'],
  ])
  hand(2, 1)
  t.match(read(0), { '9/0': 'a', '9/1': 'c', '9/1/4': 'hole', '9/2': 'b' })
  write(0, [
    ['9/1', 'newer'],
    ['9/1/4', undefined],
  ])
  hand(1, 3)
  t.match(read(1), { '9/1': 'newer' })
  t.notOk('9/1/4' in read(1), 'what was removed meanwhile does not come back')
  t.match(read(2), { '9/2': 'b' })
})

t.test('wherever the power is lost, doing it again loses nothing', async t => {
  let state = 1
  const chance = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
  for (let fuse = 0; ; fuse++) {
    const disk = new MemoryDisk()
    const first = hosts(disk)
    first.write(0, [['9/0', 'a']])
    first.write(1, [['9/1', 'stays']])
    first.write(2, [
      ['9/1', 'outdated'],
      ['9/2', 'b'],
    ])
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
    if (found[0]?.['9/0'] !== 'a' || found[0]['9/2'] !== 'b' || found[1]?.['9/1'] !== 'stays') {
      t.match(found, [{ '9/0': 'a', '9/2': 'b' }, { '9/1': 'stays' }], `lost at operation ${fuse}`)
      return
    }
    if (!isDone) continue
    t.ok(fuse > 3, `${fuse} operations`)
    return
  }
})
