/** A folder that is made, completed or handed to other partition hosts, by processes that end at any operation of the disk. */
import t from 'tap'
import { MemoryDisk, PowerLoss } from '../log/disk/memory-disk.fixture.ts'
import { FOLDER_VERSION } from '../log/store/identity.ts'
import { seeded } from '../log/store/journal.fixture.ts'
import { drawn } from '../proof/fixtures/portion.fixture.ts'
import { openDirectory } from './open-directory.ts'
import { asVersion, DIR, makeFolder, openFolder } from './small-folder.fixture.ts'

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

/** Lets a process end at operations of an opening; what is left is given to `look`, also after a loss of power. How many there are. */
function endAtEach(made: () => MemoryDisk, hosts: number, look: (disk: MemoryDisk, at: string) => void): number {
  let total = 0
  while (!survives(made(), total, hosts)) total++
  for (const operations of drawn(total + 1)) {
    const disk = made()
    survives(disk, operations, hosts)
    look(disk.losePower(seeded(operations)), `a loss of power at operation ${operations}`)
    look(disk, `an end at operation ${operations}`)
    // What the one before had written, and not made durable, the next one has relied on.
    look(disk.losePower(seeded(operations + 1_000)), `a loss of power after an end at operation ${operations}`)
  }
  return total
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
  old.put(IDENTITY, asVersion(1, old.bytesOf(IDENTITY)))
  // Made late, or not at all, by those before.
  for (const name of ['host-0.ends', 'marks', 'host-0.journal-b', 'host-0.settled']) old.remove(`${DIR}/${name}`)
  endAtEach(
    () => durable(old),
    1,
    (disk, at) => t.same(openFolder(disk).contents.logs, contents.logs, at),
  )
  openDirectory(old, DIR, 1, JOURNAL_BYTES).close()
  t.equal(old.bytesOf(IDENTITY).readUInt32LE(4), FOLDER_VERSION)
  for (const name of ['host-0.ends', 'marks', 'producers', 'host-0.settled']) {
    const without = old.copy()
    without.remove(`${DIR}/${name}`)
    t.throws(() => openFolder(without), { code: 'MILL_CORRUPT', message: new RegExp(`${DIR}/${name} .*missing`) })
  }
})

t.test('a folder says that it is of this version before anything in it is', async t => {
  const { disk: made, contents } = makeFolder(false)
  const old = durable(made)
  old.put(IDENTITY, asVersion(2, old.bytesOf(IDENTITY)))
  old.remove(`${DIR}/host-0.settled`)
  const others = (disk: MemoryDisk): [string, string][] =>
    disk.files
      .filter(file => !file.startsWith(IDENTITY) && ![`${DIR}/catalog`, `${DIR}/marks`].includes(file))
      // Made before, for none may be missing then; code of before does not look at it.
      .filter(file => !file.includes('.settled'))
      // The replay of a journal writes what was in it, as it was.
      .filter(file => !file.startsWith(`${DIR}/topics/`))
      .map(file => [file, disk.bytesOf(file).toString('latin1')])
  const before = others(old)
  let still = 0
  endAtEach(
    () => durable(old),
    1,
    (disk, at) => {
      const version = disk.bytesOf(IDENTITY).readUInt32LE(4)
      if (version === 2) {
        still++
        t.strictSame(others(disk), before, at)
      } else t.equal(version, FOLDER_VERSION, at)
      t.same(openFolder(disk).contents, { ...contents, settled: undefined }, at)
    },
  )
  t.ok(still >= 3, `${still} ends before it says so`)
})

t.test('a folder of before that is refused as damaged stays one of its version', async t => {
  const { disk: made } = makeFolder(false)
  const old = durable(made)
  old.put(IDENTITY, asVersion(2, old.bytesOf(IDENTITY)))
  let refused = 0
  for (const file of old.files) {
    if (file === IDENTITY) continue
    const size = old.bytesOf(file).length
    for (const at of [40, size >> 1, size - 1]) {
      const damaged = old.copy()
      const bytes = damaged.bytesOf(file)
      bytes[at] = (bytes[at] as number) ^ 1
      damaged.put(file, bytes)
      try {
        openDirectory(damaged, DIR, 1, JOURNAL_BYTES).close()
        t.equal(damaged.bytesOf(IDENTITY).readUInt32LE(4), FOLDER_VERSION, file)
      } catch (error) {
        t.match(error, { code: 'MILL_CORRUPT' }, file)
        t.equal(damaged.bytesOf(IDENTITY).readUInt32LE(4), 2, `${file}, byte ${at}: ${(error as Error).message}`)
        refused++
      }
    }
  }
  t.ok(refused >= 5, `${refused} refused`)
})
