import t from 'tap'
import { Chance } from '../../proof/sim/chance.ts'
import { SimDisk } from '../../proof/sim/sim-disk.ts'
import type { DiskError } from './disk.ts'
import { testDisk, textOf, throwsDiskError } from './disk-contract.fixture.ts'
import { FaultyDisk } from './faulty-disk.fixture.ts'

interface Pair {
  readonly disk: FaultyDisk
  readonly sim: SimDisk
}

function openPair(): Pair {
  const sim = new SimDisk()
  sim.makeFolder('/data')
  return { disk: new FaultyDisk(sim, act => sim.later(act)), sim }
}

testDisk('FaultyDisk', () => {
  const { disk, sim } = openPair()
  return { disk, folder: '/data', runLater: () => sim.runLater() }
})

t.test('the n-th call fails, and so many after it', async t => {
  const { disk } = openPair()
  const file = disk.open('/data/a', 'create')
  const other = disk.open('/data/b', 'create')
  disk.fail({ operation: 'truncate', path: /\/a$/, nth: 2, times: 2, errno: 'EDQUOT' })
  const outcomes = [file, other, file, other, file, file].map(each => {
    try {
      each.truncate(1)
      return 'done'
    } catch (error) {
      return (error as DiskError).errno
    }
  })
  t.strictSame(outcomes, ['done', 'done', 'EDQUOT', 'done', 'EDQUOT', 'done'])
})

t.test('any operation fails, without having been done', async t => {
  const { disk } = openPair()
  const file = disk.open('/data/a', 'create')
  const acts = {
    open: () => disk.open('/data/b', 'create'),
    list: () => disk.list('/data'),
    makeFolder: () => disk.makeFolder('/data/x'),
    rename: () => disk.rename('/data/a', '/data/b'),
    remove: () => disk.remove('/data/a'),
    syncDirectory: () => disk.syncDirectory('/data'),
    size: () => file.size(),
    read: () => file.read(Buffer.alloc(1), 0),
    sync: () => file.sync(),
    truncate: () => file.truncate(5),
    close: () => file.close(),
  } as const
  for (const [operation, act] of Object.entries(acts)) {
    disk.fail({ operation: operation as keyof typeof acts })
    const { path } = disk.calls.at(-1) ?? { path: '' }
    t.throws(act, { name: 'DiskError', operation, errno: 'EIO' }, operation)
    t.match(disk.calls.at(-1), { operation, errno: 'EIO' })
    t.ok(path.startsWith('/data'))
  }
  t.strictSame(disk.list('/data'), ['a'])
  t.equal(file.size(), 0)
})

t.test('a write that fails has done a part of its work', async t => {
  const { disk } = openPair()
  const file = disk.open('/data/a', 'create')
  const parts = [Buffer.from('abc'), Buffer.from('def')]
  disk.fail({ operation: 'write', errno: 'ENOSPC' })
  throwsDiskError(t, () => file.write(parts, 1), 'write', '/data/a', 'ENOSPC')
  t.equal(textOf(disk, '/data/a'), '\0abc', 'half of it')
  disk.fail({ operation: 'write', errno: 'ENOSPC', writtenBytes: 5, times: Number.POSITIVE_INFINITY })
  throwsDiskError(t, () => file.write(parts, 0), 'write', '/data/a', 'ENOSPC')
  t.equal(textOf(disk, '/data/a'), 'abcde')
  throwsDiskError(t, () => file.write([Buffer.from('x')], 0), 'write', '/data/a', 'ENOSPC')
  disk.heal()
  file.write(parts, 0)
  t.equal(textOf(disk, '/data/a'), 'abcdef')
  t.strictSame(
    disk.calls
      .filter(({ operation }) => operation === 'write')
      .map(({ bytes, position, errno }) => [bytes, position, errno]),
    [
      [6, 1, 'ENOSPC'],
      [6, 0, 'ENOSPC'],
      [1, 0, 'ENOSPC'],
      [6, 0, null],
    ],
  )
})

t.test('a sync that failed is not made good by the next one, of whichever kind', async t => {
  const left = new Set<string>()
  for (let seed = 0; seed < 100; seed++) {
    const { disk, sim } = openPair()
    const file = disk.open('/data/a', 'create')
    disk.syncDirectory('/data')
    file.write([Buffer.from('abc')], 0)
    disk.fail({ operation: 'sync' })
    throwsDiskError(t, () => file.sync(), 'sync', '/data/a', 'EIO')
    file.sync()
    let told: DiskError | null | undefined
    file.syncLater(error => {
      told = error
    })
    sim.runLater()
    t.equal(told, null, 'though it says that all is well')
    sim.powerCut(new Chance(seed))
    left.add(textOf(sim, '/data/a'))
  }
  t.ok(left.has('\0\0\0') && left.has('abc'))
})

t.test('a background sync fails when it would have completed', async t => {
  const { disk, sim } = openPair()
  const file = disk.open('/data/a', 'create')
  disk.fail({ operation: 'syncLater', errno: 'ENOSPC', nth: 2 })
  const told: (string | null)[] = []
  for (let count = 0; count < 2; count++) file.syncLater(error => told.push(error?.errno ?? null))
  t.strictSame(told, [])
  sim.runLater()
  t.strictSame(told, [null, 'ENOSPC'])
  t.strictSame(disk.trace('syncLater'), ['syncLater a', 'syncLater a'])
  t.strictSame(disk.trace(), ['open a', 'syncLater a', 'syncLater a'])
})
