/** A folder that is made, completed or handed to other partition hosts, by processes that end at any operation of the disk. */
import { crc32 } from 'node:zlib'
import t from 'tap'
import { FaultyDisk } from '../log/faulty-disk.fixture.ts'
import { seeded } from '../log/journal.fixture.ts'
import { MemoryDisk, PowerLoss } from '../log/memory-disk.fixture.ts'
import { SimDisk } from '../sim/sim-disk.ts'
import { openDirectory } from './open-directory.ts'
import { DIR, makeFolder, openFolder, shapeOf } from './small-folder.fixture.ts'

const JOURNAL_BYTES = 8_192
const IDENTITY = `${DIR}/millrace.id`

/** Opens the folder; false: the process ended on the way. */
function survives(disk: MemoryDisk, operations: number, hosts: number): boolean {
  disk.fuse = operations
  try {
    openDirectory(disk, DIR, hosts, JOURNAL_BYTES).close()
    return true
  } catch (error) {
    if (!(error instanceof PowerLoss)) throw error
    return false
  } finally {
    disk.fuse = Number.POSITIVE_INFINITY
  }
}

/** A copy of which no loss of power takes anything. */
function durable(disk: MemoryDisk): MemoryDisk {
  return disk.losePower(() => 0)
}

/** Lets a process end at each operation of an opening in turn; what is left is given to `look`, also after a loss of power. */
function endAtEach(made: () => MemoryDisk, hosts: number, look: (disk: MemoryDisk, at: string) => void): number {
  for (let operations = 0; ; operations++) {
    const disk = made()
    const isOver = survives(disk, operations, hosts)
    look(disk.losePower(seeded(operations)), `a loss of power at operation ${operations}`)
    look(disk, `an end at operation ${operations}`)
    // What the one before had written, and not made durable, the next one has relied on.
    look(disk.losePower(seeded(operations + 1_000)), `a loss of power after an end at operation ${operations}`)
    if (isOver) return operations
  }
}

t.test('a folder that was half made is made, wherever its maker ended', async t => {
  const operations = endAtEach(
    () => new MemoryDisk(),
    1,
    (disk, at) => {
      t.doesNotThrow(() => openDirectory(disk, DIR, 1, JOURNAL_BYTES), at)
      t.ok(disk.files.includes(IDENTITY), at)
    },
  )
  t.ok(operations > 50, `${operations} operations`)
})

t.test('a folder keeps its states when the number of partition hosts changes, wherever that ended', async t => {
  const { disk: made, contents } = makeFolder(true)
  for (const [before, now] of [
    [1, 2],
    [2, 1],
  ] as const) {
    const folder = made.copy()
    openDirectory(folder, DIR, before, JOURNAL_BYTES).close()
    const operations = endAtEach(
      () => durable(folder),
      now,
      (disk, at) => t.same(openFolder(disk).contents, { ...contents }, `${before} to ${now}: ${at}`),
    )
    t.ok(operations > 20, `${operations} operations`)
  }
})

t.test('a folder of version 1 is completed once, and from then on nothing may be missing', async t => {
  const { disk: made, contents } = makeFolder(true)
  const old = made.copy()
  old.put(IDENTITY, asVersion1(old.bytesOf(IDENTITY)))
  // Made late, or not at all, by those before.
  for (const name of ['host-0.ends', 'marks', 'host-0.journal-b']) old.remove(`${DIR}/${name}`)
  endAtEach(
    () => durable(old),
    1,
    (disk, at) => t.same(openFolder(disk).contents.logs, contents.logs, at),
  )
  openDirectory(old, DIR, 1, JOURNAL_BYTES).close()
  t.equal(old.bytesOf(IDENTITY).readUInt32LE(4), 2)
  for (const name of ['host-0.ends', 'marks', 'producers']) {
    const without = old.copy()
    without.remove(`${DIR}/${name}`)
    t.throws(() => openFolder(without), { code: 'MILL_CORRUPT', message: new RegExp(`${DIR}/${name} .*missing`) })
  }
})

t.test('a catalog that is gone is not made anew in a folder of version 1 with topics', async t => {
  const { disk } = makeFolder(true)
  disk.put(IDENTITY, asVersion1(disk.bytesOf(IDENTITY)))
  disk.remove(`${DIR}/catalog`)
  t.throws(() => openFolder(disk), { code: 'MILL_CORRUPT', message: /catalog .*missing/ })
})

t.test('a folder of a topic that the catalog does not know is refused by its name', async t => {
  const { disk } = makeFolder(true)
  disk.put(`${DIR}/topics/7-0/${'0'.repeat(20)}.log`, Buffer.alloc(64))
  t.throws(() => openFolder(disk), { code: 'MILL_CORRUPT', message: /topics\/7-0 .*catalog/ })
})

t.test('what else lies in the folder is left alone', async t => {
  const { disk, contents } = makeFolder(true)
  const strange = ['LOCK', 'LOCK.after-x', 'control.sock', 'notes.txt', 'topics/.DS_Store', 'topics/lost+found/x']
  for (const name of strange) disk.put(`${DIR}/${name}`, Buffer.from('x'))
  t.same(openFolder(disk).contents, contents)
  for (const name of strange) t.ok(disk.files.includes(`${DIR}/${name}`), name)
})

t.test('a folder for which there is no room gives back what it took', async t => {
  const disk = new FaultyDisk(new SimDisk())
  disk.fail({ operation: 'write', path: /journal-b/, errno: 'ENOSPC' })
  t.throws(() => openDirectory(disk, DIR, 1, JOURNAL_BYTES), { code: 'MILL_DISK', message: /make room/ })
  t.notOk(disk.list(DIR).some(name => name.includes('journal')))
  openDirectory(disk, DIR, 1, JOURNAL_BYTES)
})

t.test('a topic that was not made may have no folder, and one that was must have it', async t => {
  const { disk } = makeFolder(true)
  const topics = disk.files.filter(file => file.includes('/topics/2-0/'))
  for (const file of topics) disk.remove(file)
  t.throws(() => openFolder(disk.copy()), { code: 'MILL_CORRUPT', message: /topics\/2-0 .*missing/ })
  const { disk: other } = makeFolder(true)
  const directory = openDirectory(other, DIR, 1, JOURNAL_BYTES)
  directory.keepTopic({ shape: shapeOf(4, 'half made', 'fsync'), deadLettersOf: [] })
  directory.close()
  t.same(openFolder(other.copy()).contents.logs[3], [])
})

function asVersion1(identity: Buffer): Buffer {
  identity.writeUInt32LE(1, 4)
  identity.writeUInt32LE(crc32(identity.subarray(0, 28)), 28)
  return identity
}
