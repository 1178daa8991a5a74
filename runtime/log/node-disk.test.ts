/** Files as the log has them, on the system's disk. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Memory } from 'sharedarraybuffer-ring'
import t from 'tap'
import { DiskError } from './disk.ts'
import { NodeDisk } from './node-disk.ts'

const folder = mkdtempSync(join(tmpdir(), 'millrace-disk-'))
const disk = new NodeDisk()
t.teardown(() => rmSync(folder, { recursive: true }))

t.test('what is written is read again, wherever it is, also from shared memory and in very many parts', async t => {
  const path = join(folder, 'parts')
  const file = disk.open(path, 'create')
  const memory = Memory.allocate(65_536)
  for (let at = 0; at < 65_536; at++) memory.u8[at] = at % 251
  const parts = Array.from({ length: 2_500 }, (_, at) => memory.u8.subarray(at * 7, at * 7 + 7))
  file.write(parts, 100)
  t.equal(file.size(), 100 + 2_500 * 7)
  const read = Buffer.alloc(30_000)
  t.equal(file.read(read, 100), 17_500, 'fewer at the end of the file')
  t.equal(Buffer.compare(read.subarray(0, 17_500), Buffer.from(memory.u8.subarray(0, 17_500))), 0)
  const shared = new Uint8Array(new SharedArrayBuffer(16))
  t.equal(file.read(shared, 100), 16)
  t.same([...shared], [...memory.u8.subarray(0, 16)])
  file.write([], 0)
  file.sync()
  file.truncate(50)
  t.equal(file.size(), 50)
  await new Promise<void>(resolve => {
    file.syncLater(error => {
      t.equal(error, null)
      resolve()
    })
  })
  file.close()
  file.close()
  t.equal(readFileSync(path).length, 50)
})

t.test('names are made, listed, changed and removed', async t => {
  const below = join(folder, 'a', 'b')
  t.same(disk.list(below), [])
  disk.makeFolder(below)
  disk.makeFolder(below)
  disk.open(join(below, 'two'), 'create').close()
  disk.open(join(below, 'one'), 'create').close()
  t.same(disk.list(below), ['one', 'two'])
  disk.rename(join(below, 'one'), join(below, 'two'))
  t.same(disk.list(below), ['two'])
  disk.syncDirectory(below)
  const file = disk.open(join(below, 'two'), 'write')
  disk.remove(join(below, 'two'))
  disk.remove(join(below, 'two'))
  t.notOk(existsSync(join(below, 'two')))
  file.write([Buffer.from('still there')], 0)
  t.equal(file.size(), 11)
  file.close()
})

t.test('what fails says what and where', async t => {
  const wrong = (act: () => unknown): unknown => {
    try {
      act()
    } catch (error) {
      return error instanceof DiskError && [error.operation, error.errno]
    }
    return null
  }
  const path = join(folder, 'there')
  disk.open(path, 'create').close()
  t.same(
    wrong(() => disk.open(path, 'create')),
    ['open', 'EEXIST'],
  )
  t.same(
    wrong(() => disk.open(join(folder, 'not there'), 'read')),
    ['open', 'ENOENT'],
  )
  t.same(
    wrong(() => disk.rename(join(folder, 'not there'), path)),
    ['rename', 'ENOENT'],
  )
  t.same(
    wrong(() => disk.list(path)),
    ['list', 'ENOTDIR'],
  )
  const reading = disk.open(path, 'read')
  t.same(
    wrong(() => reading.write([Buffer.from('x')], 0)),
    ['write', 'EBADF'],
  )
  reading.close()
  t.same(
    wrong(() => reading.sync()),
    ['sync', 'EBADF'],
  )
})

t.test('a full disk is told', { skip: existsSync('/dev/full') ? false : 'this system has no /dev/full' }, async t => {
  const full = disk.open('/dev/full', 'write')
  t.throws(() => full.write([Buffer.from('x')], 0), { name: 'DiskError', errno: 'ENOSPC', path: '/dev/full' })
  full.close()
})
