/** What every disk does, whoever made it: one suite for all of them. */
import { Memory } from 'sharedarraybuffer-ring'
import t, { type Test } from 'tap'
import type { Disk, DiskError } from './disk.ts'

export interface DiskUnderTest {
  readonly disk: Disk
  /** An empty folder. */
  readonly folder: string
  /** Lets background syncs complete, for disks that wait to be told. */
  readonly runLater: () => void
}

type Opener = (t: Test) => DiskUnderTest

/** Fails unless `act` throws a `DiskError` with all of this. */
export function throwsDiskError(t: Test, act: () => unknown, operation: string, path: string, errno: string): void {
  t.throws(act, { name: 'DiskError', operation, path, errno, message: `${operation} of ${path} failed: ${errno}` })
}

/** All bytes of a file, as text of Latin letters. */
export function textOf(disk: Disk, path: string): string {
  const file = disk.open(path, 'read')
  const bytes = Buffer.alloc(file.size() + 1)
  const text = bytes.toString('latin1', 0, file.read(bytes, 0))
  file.close()
  return text
}

export function testDisk(name: string, opener: Opener): void {
  const test = (title: string, body: (t: Test, under: DiskUnderTest, path: string) => unknown): void => {
    t.test(`${name}: ${title}`, async t => {
      const under = opener(t)
      await body(t, under, `${under.folder}/a`)
    })
  }
  const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')

  test('a new file is empty, and cannot be created twice', (t, { disk, folder }, path) => {
    const file = disk.open(path, 'create')
    t.equal(file.path, path)
    t.equal(file.size(), 0)
    t.strictSame(disk.list(folder), ['a'])
    throwsDiskError(t, () => disk.open(path, 'create'), 'open', path, 'EEXIST')
    file.close()
  })

  test('what is not there cannot be opened, nor created in a folder that is not', (t, { disk, folder }, path) => {
    throwsDiskError(t, () => disk.open(path, 'read'), 'open', path, 'ENOENT')
    throwsDiskError(t, () => disk.open(path, 'write'), 'open', path, 'ENOENT')
    t.strictSame(disk.list(folder), [])
    throwsDiskError(t, () => disk.open(`${folder}/b/c`, 'create'), 'open', `${folder}/b/c`, 'ENOENT')
  })

  test('parts are written one after the other, from any byte on', (t, { disk }, path) => {
    const file = disk.open(path, 'create')
    file.write([bytes('one'), bytes(''), bytes('two'), bytes('three')], 0)
    t.equal(textOf(disk, path), 'onetwothree')
    file.write([bytes('TWO')], 3)
    t.equal(textOf(disk, path), 'oneTWOthree')
    file.write([bytes('x'), bytes('y')], 13)
    t.equal(textOf(disk, path), 'oneTWOthree\0\0xy', 'bytes that were never written are zero')
    t.equal(file.size(), 15)
    file.close()
  })

  test('nothing to write changes nothing, wherever it should go', (t, { disk }, path) => {
    const file = disk.open(path, 'create')
    file.write([], 100)
    file.write([bytes('')], 100)
    file.write([bytes(''), bytes('')], 100)
    t.equal(file.size(), 0)
    file.close()
  })

  test('a write may have more parts than the system takes at once', (t, { disk }, path) => {
    const file = disk.open(path, 'create')
    const parts = Array.from({ length: 2_600 }, (_, index) => bytes(index % 7 === 0 ? '' : `${index},`))
    file.write(parts, 3)
    t.equal(textOf(disk, path), `\0\0\0${Buffer.concat(parts).toString('latin1')}`)
    file.close()
  })

  test('reading fills as much as there is', (t, { disk }, path) => {
    const file = disk.open(path, 'create')
    file.write([bytes('0123456789')], 0)
    const into = Buffer.alloc(4, '-')
    t.equal(file.read(into, 2), 4)
    t.equal(into.toString(), '2345')
    t.equal(file.read(into, 8), 2)
    t.equal(into.toString(), '8945', 'what is beyond the end of the file is left alone')
    t.equal(file.read(into, 10), 0)
    t.equal(file.read(into, 1_000), 0)
    t.equal(file.read(Buffer.alloc(0), 0), 0)
    file.close()
  })

  for (const kind of ['js', 'wasm'] as const) {
    test(`shared memory (${kind}) is written from and read into`, (t, { disk }, path) => {
      const { u8, kind: is } = Memory.allocate(200_000, kind)
      t.equal(is, kind)
      for (let at = 0; at < 100_000; at++) u8[at] = at % 251
      const file = disk.open(path, 'create')
      file.write([u8.subarray(0, 60_000)], 0)
      file.write([u8.subarray(60_000, 60_001), u8.subarray(60_001, 100_000)], 60_000)
      t.equal(file.read(u8.subarray(100_001, 200_000), 1), 99_999)
      t.equal(u8[100_000], 0)
      t.ok(Buffer.from(u8.subarray(1, 100_000)).equals(Buffer.from(u8.subarray(100_001, 200_000))))
      t.equal(Buffer.from(textOf(disk, path), 'latin1').compare(u8.slice(0, 100_000)), 0)
      file.close()
    })
  }

  test('a file is cut, and what it grows by again is zero', (t, { disk }, path) => {
    const file = disk.open(path, 'create')
    file.write([bytes('0123456789')], 0)
    file.truncate(4)
    t.equal(file.size(), 4)
    t.equal(textOf(disk, path), '0123')
    file.truncate(6)
    file.write([bytes('x')], 7)
    t.equal(textOf(disk, path), '0123\0\0\0x')
    file.truncate(0)
    t.equal(textOf(disk, path), '')
    file.close()
  })

  test('all files open on one path see the same bytes', (t, { disk }, path) => {
    const writer = disk.open(path, 'create')
    const reader = disk.open(path, 'read')
    const other = disk.open(path, 'write')
    writer.write([bytes('abc')], 0)
    other.write([bytes('X')], 1)
    const into = Buffer.alloc(3)
    t.equal(reader.read(into, 0), 3)
    t.equal(into.toString(), 'aXc')
    other.truncate(1)
    t.equal(reader.size(), 1)
    t.equal(writer.size(), 1)
    for (const file of [writer, reader, other]) file.close()
  })

  test('a file that is open outlives its name', (t, { disk, folder }, path) => {
    const file = disk.open(path, 'create')
    file.write([bytes('old')], 0)
    disk.remove(path)
    t.strictSame(disk.list(folder), [])
    throwsDiskError(t, () => disk.open(path, 'read'), 'open', path, 'ENOENT')
    const next = disk.open(path, 'create')
    next.write([bytes('new')], 0)
    file.write([bytes('er')], 3)
    const into = Buffer.alloc(9)
    t.equal(into.toString('latin1', 0, file.read(into, 0)), 'older')
    t.equal(textOf(disk, path), 'new')
    file.close()
    next.close()
  })

  test('a rename takes the place of what was there, and goes with the open file', (t, { disk, folder }, path) => {
    const file = disk.open(path, 'create')
    const target = disk.open(`${folder}/b`, 'create')
    file.write([bytes('a')], 0)
    target.write([bytes('b')], 0)
    disk.rename(path, `${folder}/b`)
    t.strictSame(disk.list(folder), ['b'])
    file.write([bytes('2')], 1)
    t.equal(textOf(disk, `${folder}/b`), 'a2')
    t.equal(target.size(), 1, 'what was replaced is there for whoever has it open')
    throwsDiskError(t, () => disk.rename(path, `${folder}/c`), 'rename', path, 'ENOENT')
    disk.rename(`${folder}/b`, `${folder}/b`)
    t.equal(textOf(disk, `${folder}/b`), 'a2')
    file.close()
    target.close()
  })

  test('a rename into another folder is misuse', (t, { disk, folder }, path) => {
    disk.makeFolder(`${folder}/other`)
    disk.open(path, 'create').close()
    t.throws(() => disk.rename(path, `${folder}/other/a`), TypeError)
    t.strictSame(disk.list(folder), ['a', 'other'])
  })

  test('removing what is not there is nothing', (t, { disk, folder }, path) => {
    disk.remove(path)
    disk.remove(`${folder}/b/c`)
    disk.open(path, 'create').close()
    disk.remove(path)
    disk.remove(path)
    t.strictSame(disk.list(folder), [])
  })

  test('folders are made with those above them, once', (t, { disk, folder }, path) => {
    disk.makeFolder(`${folder}/x/y/z`)
    disk.makeFolder(`${folder}/x/y`)
    disk.makeFolder(folder)
    for (const name of ['10', '9', 'b', 'B']) disk.open(`${folder}/x/y/${name}`, 'create').close()
    t.strictSame(disk.list(`${folder}/x/y`), ['10', '9', 'B', 'b', 'z'], 'names are sorted')
    t.strictSame(disk.list(`${folder}/x/y/z`), [])
    t.strictSame(disk.list(`${folder}/nowhere`), [])
    disk.open(path, 'create').close()
    throwsDiskError(t, () => disk.makeFolder(path), 'makeFolder', path, 'EEXIST')
    throwsDiskError(t, () => disk.makeFolder(`${path}/b`), 'makeFolder', `${path}/b`, 'ENOTDIR')
    throwsDiskError(t, () => disk.open(`${folder}/x`, 'create'), 'open', `${folder}/x`, 'EEXIST')
  })

  test('a folder is removed when it is empty, and nothing if it is not there', (t, { disk, folder }) => {
    const path = `${folder}/b`
    disk.makeFolder(path)
    const file = disk.open(`${path}/c`, 'create')
    file.close()
    throwsDiskError(t, () => disk.removeFolder(path), 'removeFolder', path, 'ENOTEMPTY')
    t.strictSame(disk.list(path), ['c'])
    disk.remove(`${path}/c`)
    disk.removeFolder(path)
    disk.removeFolder(path)
    t.strictSame([disk.list(folder), disk.list(path)], [[], []])
    disk.makeFolder(path)
    t.strictSame(disk.list(folder), ['b'])
  })

  test('what is opened to read cannot be written', (t, { disk }, path) => {
    const file = disk.open(path, 'create')
    file.write([bytes('abc')], 0)
    const reader = disk.open(path, 'read')
    throwsDiskError(t, () => reader.write([bytes('x')], 0), 'write', path, 'EBADF')
    throwsDiskError(t, () => reader.truncate(0), 'truncate', path, 'EINVAL')
    t.equal(textOf(disk, path), 'abc')
    file.close()
    reader.close()
  })

  test('a closed file takes no more calls', (t, { disk }, path) => {
    const file = disk.open(path, 'create')
    file.close()
    // The system may give the next file the same number.
    const next = disk.open(`${path}2`, 'create')
    throwsDiskError(t, () => file.write([bytes('x')], 0), 'write', path, 'EBADF')
    throwsDiskError(t, () => file.read(Buffer.alloc(1), 0), 'read', path, 'EBADF')
    throwsDiskError(t, () => file.size(), 'size', path, 'EBADF')
    throwsDiskError(t, () => file.sync(), 'sync', path, 'EBADF')
    throwsDiskError(t, () => file.syncLater(() => t.fail('must not be told')), 'syncLater', path, 'EBADF')
    throwsDiskError(t, () => file.truncate(0), 'truncate', path, 'EBADF')
    throwsDiskError(t, () => file.close(), 'close', path, 'EBADF')
    t.equal(next.size(), 0)
    next.close()
  })

  test('a place that is none is misuse, and nothing is done', (t, { disk }, path) => {
    const file = disk.open(path, 'create')
    file.write([bytes('abc')], 0)
    for (const wrong of [-1, 0.5, Number.NaN, 2 ** 53]) {
      t.throws(() => file.write([bytes('x')], wrong), RangeError)
      t.throws(() => file.read(Buffer.alloc(1), wrong), RangeError)
      t.throws(() => file.truncate(wrong), RangeError)
    }
    t.equal(textOf(disk, path), 'abc')
    file.close()
  })

  test('syncs of files and folders succeed', (t, { disk, folder }, path) => {
    const file = disk.open(path, 'create')
    file.write([bytes('abc')], 0)
    file.sync()
    disk.syncDirectory(folder)
    t.equal(textOf(disk, path), 'abc')
    file.close()
    if (process.platform !== 'win32')
      throwsDiskError(t, () => disk.syncDirectory(`${folder}/b`), 'syncDirectory', `${folder}/b`, 'ENOENT')
  })

  test('a background sync is told of later, also when the file was closed', async (t, { disk, runLater }, path) => {
    const file = disk.open(path, 'create')
    file.write([bytes('abc')], 0)
    const told: (DiskError | null)[] = []
    const all = new Promise<void>(resolve => {
      const done = (error: DiskError | null): void => {
        told.push(error)
        if (told.length === 3) resolve()
      }
      for (let count = 0; count < 3; count++) file.syncLater(done)
    })
    t.strictSame(told, [], 'not before the call returns')
    file.close()
    // Were it given to this one, its syncs would be of the wrong file.
    const next = disk.open(`${path}2`, 'create')
    runLater()
    await all
    t.strictSame(told, [null, null, null])
    t.equal(textOf(disk, path), 'abc')
    next.close()
  })
}
