import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { type Disk, DiskError, type DiskFile } from '../../log/disk/disk.ts'
import { testDisk, textOf, throwsDiskError } from '../../log/disk/disk-contract.fixture.ts'
import { NodeDisk } from '../../log/disk/node-disk.ts'
import { Chance } from './chance.ts'
import { Cut, type DiskHook, SimDisk } from './sim-disk.ts'

const CUTS = 1_000

function openDisk(): SimDisk {
  const disk = new SimDisk()
  disk.makeFolder('/data')
  return disk
}

/** Ends the process before the operation of this number. */
function cutAt(number: number, writtenBytes = 0): DiskHook {
  return now => {
    if (now === number) throw new Cut(writtenBytes)
  }
}

/** Runs a process until it ends by itself or by a cut. */
function live(process: () => void): void {
  try {
    process()
  } catch (error) {
    if (!(error instanceof Cut)) throw error
  }
}

testDisk('SimDisk', () => {
  const disk = openDisk()
  return { disk, folder: '/data', runLater: () => disk.runLater() }
})

t.test('does what the real disk does, whatever it is told', async t => {
  const root = mkdtempSync(join(tmpdir(), 'millrace-disk-'))
  t.teardown(() => rmSync(root, { recursive: true }))
  for (let seed = 0; seed < 60; seed++) {
    const real = new NodeDisk()
    const folder = `${root}/${seed}`
    real.makeFolder(folder)
    const told = [tell(real, folder, new Chance(seed)), tell(openDisk(), '/data', new Chance(seed))]
    if (!t.strictSame(told[1], told[0], `seed ${seed}`)) break
  }
})

/** Tells a disk what to do, by chance; what came of it. */
function tell(disk: Disk, folder: string, chance: Chance): string[] {
  const names = ['a', 'b', 'c']
  const files: DiskFile[] = []
  const attempt = (act: () => unknown): string => {
    try {
      return String(act())
    } catch (error) {
      if (error instanceof DiskError) return `${error.operation} ${error.errno}`
      throw error
    }
  }
  const results = Array.from({ length: 60 }, () => {
    const path = `${folder}/${chance.pick(names)}`
    const kind = chance.below(9)
    const at = chance.below(1_500)
    const length = chance.below(900)
    if (kind === 0 || files.length === 0) {
      return attempt(() => files.push(disk.open(path, chance.pick(['create', 'write', 'read']))))
    }
    const file = chance.pick(files)
    if (kind === 1) return attempt(() => disk.remove(path))
    if (kind === 2) return attempt(() => disk.rename(path, `${folder}/${chance.pick(names)}`))
    if (kind === 3) return disk.list(folder).join()
    if (kind === 4) return attempt(() => file.truncate(at))
    if (kind === 5 && files.length > 3) return attempt(() => files.splice(files.indexOf(file), 1)[0]?.close())
    if (kind < 7) return attempt(() => file.write([Buffer.alloc(length, at), Buffer.alloc(3, 'x')], at))
    const bytes = Buffer.alloc(length)
    return `${file.size()} ${attempt(() => file.read(bytes, at))} ${bytes.toString('latin1')}`
  })
  for (const file of files) file.close()
  return results
}

t.test('operations are numbered, and a hook is told of each before it is done', async t => {
  const disk = openDisk()
  const told: string[] = []
  t.equal(disk.operations, 1)
  disk.before = (number, operation, path) => void told.push(`${number} ${operation} ${path}`)
  const file = disk.open('/data/a', 'create')
  file.write([Buffer.from('x')], 0)
  file.sync()
  disk.syncDirectory('/data')
  t.strictSame(told, ['2 open /data/a', '3 write /data/a', '4 sync /data/a', '5 syncDirectory /data'])
})

t.test('nothing works after a cut until the next process', async t => {
  const disk = openDisk()
  const file = disk.open('/data/a', 'create')
  let told = 0
  file.syncLater(() => told++)
  disk.before = cutAt(4)
  t.throws(() => file.write([Buffer.from('x')], 0), Cut)
  t.throws(() => file.size(), Cut)
  t.throws(() => file.close(), Cut)
  t.throws(() => disk.list('/data'), Cut)
  t.equal(disk.runLater(), 0)
  t.equal(told, 0)
  disk.crash()
  throwsDiskError(t, () => file.size(), 'size', '/data/a', 'EBADF')
  t.equal(disk.runLater(), 0)
  t.equal(told, 0, 'nobody is left to be told')
  t.equal(disk.operations, 0)
  t.equal(textOf(disk, '/data/a'), '', 'the write was not done')
})

t.test('another error of the hook fails one operation', async t => {
  const disk = openDisk()
  disk.before = () => {
    throw new DiskError('open', '/data/a', 'EIO')
  }
  throwsDiskError(t, () => disk.open('/data/a', 'create'), 'open', '/data/a', 'EIO')
  disk.before = () => undefined
  t.strictSame(disk.list('/data'), [])
})

t.test('a crash loses no bytes and no names, synced or not', async t => {
  const disk = openDisk()
  disk.open('/data/a', 'create').write([Buffer.from('abc')], 0)
  disk.crash()
  t.equal(textOf(disk, '/data/a'), 'abc')
  const seen = new Set<string>()
  for (let seed = 0; seed < 50; seed++) {
    const other = openDisk()
    other.open('/data/a', 'create').write([Buffer.from('abc')], 0)
    other.crash()
    other.powerCut(new Chance(seed))
    seen.add(other.list('/data').length === 0 ? 'no name' : textOf(other, '/data/a'))
  }
  t.ok(seen.has('abc') && seen.has('') && seen.has('no name'), 'but a later loss of power may')
})

t.test('a process may end in the midst of a write', async t => {
  const disk = openDisk()
  const file = disk.open('/data/a', 'create')
  disk.before = cutAt(3, 4)
  t.throws(() => file.write([Buffer.from('abc'), Buffer.from('def')], 1), Cut)
  disk.crash()
  t.equal(textOf(disk, '/data/a'), '\0abcd')
})

t.test('background syncs complete when they are told to, oldest first', async t => {
  const disk = openDisk()
  const file = disk.open('/data/a', 'create')
  const told: number[] = []
  for (let number = 0; number < 3; number++) file.syncLater(() => told.push(number))
  t.equal(disk.syncing, 3)
  t.equal(disk.runLater(1), 1)
  t.strictSame(told, [0])
  file.syncLater(() => file.syncLater(() => told.push(4)))
  t.equal(disk.runLater(), 3)
  t.strictSame(told, [0, 1, 2])
  t.equal(disk.syncing, 1, 'what is begun meanwhile waits for the next time')
})

t.test('a process that ends when it is told of a background sync is told of no other', async t => {
  const disk = openDisk()
  const file = disk.open('/data/a', 'create')
  let told = 0
  for (let count = 0; count < 2; count++) {
    file.syncLater(() => {
      told++
      disk.before = cutAt(disk.operations + 1)
      live(() => file.sync())
    })
  }
  t.equal(disk.runLater(), 1)
  t.equal(told, 1)
})

t.test('a background sync makes durable what was written before it, even where the file is closed', async t => {
  const losses = { before: 0, after: 0 }
  for (let seed = 0; seed < CUTS; seed++) {
    const disk = openDisk()
    const file = disk.open('/data/a', 'create')
    disk.syncDirectory('/data')
    file.write([Buffer.from('before')], 0)
    file.syncLater(() => undefined)
    file.write([Buffer.from('after')], 6)
    file.close()
    disk.runLater()
    disk.powerCut(new Chance(seed))
    const text = textOf(disk, '/data/a')
    if (!text.startsWith('before')) losses.before++
    if (text !== 'beforeafter') losses.after++
  }
  t.equal(losses.before, 0)
  t.ok(losses.after > 0)
})

t.test('the same seed and operations leave the same disk', async t => {
  const run = (seed: number): string => {
    const disk = openDisk()
    const chance = new Chance(seed)
    for (const name of ['a', 'b', 'c']) disk.open(`/data/${name}`, 'create').write([Buffer.alloc(2_000, name)], 0)
    disk.syncDirectory('/data')
    disk.powerCut(chance)
    return disk
      .list('/data')
      .map(name => textOf(disk, `/data/${name}`))
      .join('|')
  }
  const all = Array.from({ length: 50 }, (_, seed) => run(seed))
  t.strictSame(
    Array.from({ length: 50 }, (_, seed) => run(seed)),
    all,
  )
  t.ok(new Set(all).size > 30)
})

/** A log of numbered records that fill no piece evenly; it acknowledges each. */
const RECORD_BYTES = 200

function appendRecords(disk: Disk, isSynced: boolean, acked: (count: number) => void): void {
  const file = disk.open('/data/log', 'create')
  disk.syncDirectory('/data')
  for (let count = 1; count <= 10; count++) {
    file.write([Buffer.alloc(RECORD_BYTES, count)], (count - 1) * RECORD_BYTES)
    if (isSynced) file.sync()
    acked(count)
  }
}

/** In how many of many cuts an acknowledged record is not there. */
function appendsLost(isSynced: boolean): number {
  let losses = 0
  for (let seed = 0; seed < CUTS; seed++) {
    const disk = openDisk()
    const chance = new Chance(seed)
    let acked = 0
    disk.before = cutAt(chance.between(2, 25))
    live(() => {
      appendRecords(disk, isSynced, count => {
        acked = count
      })
    })
    disk.powerCut(chance)
    const bytes = disk.list('/data').length === 0 ? '' : textOf(disk, '/data/log')
    for (let count = 1; count <= acked; count++) {
      const record = bytes.slice((count - 1) * RECORD_BYTES, count * RECORD_BYTES)
      if (record === String.fromCharCode(count).repeat(RECORD_BYTES)) continue
      losses++
      break
    }
  }
  return losses
}

t.test('an append that is acknowledged without a sync is lost in some cuts, one that was synced in none', async t => {
  t.equal(appendsLost(true), 0)
  t.ok(appendsLost(false) > CUTS / 10)
})

type Care = 'all' | 'no sync of the file' | 'no sync of the folder'

/** Replaces a file as one should, but for what is left out; then says that it is done. */
function replace(disk: Disk, care: Care, done: () => void): void {
  const draft = disk.open('/data/draft', 'create')
  draft.write([Buffer.alloc(700, 'n')], 0)
  if (care !== 'no sync of the file') draft.sync()
  draft.close()
  disk.rename('/data/draft', '/data/state')
  if (care !== 'no sync of the folder') disk.syncDirectory('/data')
  done()
}

/** What is found of the file after many cuts: the old one, the new one, or something else, before and after it was done. */
function replacements(care: Care): Set<string> {
  const seen = new Set<string>()
  for (let seed = 0; seed < CUTS; seed++) {
    const disk = openDisk()
    const chance = new Chance(seed)
    const state = disk.open('/data/state', 'create')
    state.write([Buffer.alloc(700, 'o')], 0)
    state.sync()
    disk.syncDirectory('/data')
    disk.before = cutAt(disk.operations + chance.between(1, 7))
    let when = 'before'
    live(() => {
      replace(disk, care, () => {
        when = 'after'
      })
    })
    disk.powerCut(chance)
    const text = textOf(disk, '/data/state')
    const what = text === 'o'.repeat(700) ? 'old' : text === 'n'.repeat(700) ? 'new' : 'broken'
    seen.add(`${what} ${when}`)
  }
  return seen
}

t.test(
  'a rename without a sync of its folder is undone in some cuts, and half a file found without one of it',
  async t => {
    t.strictSame([...replacements('all')].sort(), ['new after', 'new before', 'old before'])
    t.ok(replacements('no sync of the folder').has('old after'))
    const careless = replacements('no sync of the file')
    t.ok(careless.has('broken before') && careless.has('broken after'))
  },
)

t.test('of two files written alike one may be lost and the other not', async t => {
  const bytes = new Uint8Array(8 * 512).fill(1)
  const left = new Set<string>()
  for (let seed = 1; seed <= CUTS; seed++) {
    const disk = openDisk()
    const written = ['/data/a', '/data/b'].map(path => {
      const file = disk.open(path, 'create')
      file.write([new Uint8Array(bytes.length)], 0)
      file.sync()
      return file
    })
    disk.syncDirectory('/data')
    for (const file of written) file.write([bytes], 0)
    disk.powerCut(new Chance(seed))
    const isWhole = ['/data/a', '/data/b'].map(path => {
      const found = new Uint8Array(bytes.length)
      disk.open(path, 'read').read(found, 0)
      return found.every(byte => byte === 1) ? 'all' : found.every(byte => byte === 0) ? 'none' : 'some'
    })
    left.add(isWhole.join(' '))
  }
  for (const both of ['all none', 'none all', 'all all', 'none none']) t.ok(left.has(both), both)
})

t.test('a folder that was removed may be there again until that is synced', async t => {
  const back = (isSynced: boolean, seed: number): boolean => {
    const disk = openDisk()
    disk.makeFolder('/data/a')
    disk.removeFolder('/data/a')
    if (isSynced) disk.syncDirectory('/data')
    disk.powerCut(new Chance(seed))
    return disk.list('/data').includes('a')
  }
  const seeds = Array.from({ length: 50 }, (_, seed) => seed)
  t.strictSame(new Set(seeds.map(seed => back(false, seed))), new Set([true, false]))
  t.notOk(seeds.some(seed => back(true, seed)))
})
