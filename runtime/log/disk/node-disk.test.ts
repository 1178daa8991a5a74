import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs, { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { DiskError } from './disk.ts'
import { testDisk, textOf, throwsDiskError } from './disk-contract.fixture.ts'
import type { FileCalls } from './node-calls.ts'
import { NodeDisk } from './node-disk.ts'

function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-disk-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return folder
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code, errno: -1, syscall: 'test' })
}

/** A disk on which some calls are done otherwise. */
function changed(calls: Partial<FileCalls>): NodeDisk {
  return new NodeDisk({ ...fs, ...calls })
}

testDisk('NodeDisk', t => ({ disk: new NodeDisk(), folder: folderOf(t), runLater: () => undefined }))

t.test('short writes are gone on with, wherever they end', async t => {
  const sizes = [4, 0, 3, 5, 1]
  const parts = sizes.map((size, index) => Buffer.alloc(size, `${index}`))
  const whole = Buffer.concat(parts)
  const path = join(folderOf(t), 'a')
  for (let most = 1; most <= whole.length; most++) {
    let calls = 0
    // The system takes so many bytes at most, of however many parts.
    const writeSync = ((descriptor: number, bytes: Uint8Array, from: number, length: number, position: number) => {
      calls++
      return fs.writeSync(descriptor, bytes, from, Math.min(most, length), position)
    }) as FileCalls['writeSync']
    const writevSync = ((descriptor: number, given: readonly Uint8Array[], position: number) => {
      calls++
      return fs.writeSync(descriptor, Buffer.concat(given).subarray(0, most), 0, undefined, position)
    }) as FileCalls['writevSync']
    const disk = changed({ writeSync, writevSync })
    const file = disk.open(path, 'create')
    file.write(parts, 2)
    t.equal(textOf(disk, path), `\0\0${whole.toString()}`, `${most} bytes a call`)
    t.equal(calls, Math.ceil(whole.length / most))
    file.write([whole], 0)
    t.equal(textOf(disk, path), `${whole}${whole.toString().slice(-2)}`)
    file.close()
    disk.remove(path)
  }
})

t.test('more parts than the system takes go into several calls, each full', async t => {
  const counts: number[] = []
  const writevSync: FileCalls['writevSync'] = (descriptor, parts, position) => {
    counts.push(parts.length)
    return fs.writevSync(descriptor, parts, position)
  }
  const file = changed({ writevSync }).open(join(folderOf(t), 'a'), 'create')
  const parts = Array.from({ length: 2_049 }, () => Buffer.from('x'))
  file.write(parts.slice(0, 1_024), 0)
  t.strictSame(counts, [1_024])
  file.write(parts, 0)
  t.strictSame(counts, [1_024, 1_024, 1_024], 'the last part goes alone')
  t.equal(file.size(), 2_049)
  file.close()
})

t.test('calls that a signal interrupts are made again, but not for ever', async t => {
  let interruptions = 3
  const interrupted = <A extends unknown[], R>(call: (...given: A) => R): ((...given: A) => R) => {
    return (...given) => {
      if (interruptions-- > 0) throw failure('EINTR')
      return call(...given)
    }
  }
  const path = join(folderOf(t), 'a')
  const disk = changed({
    writeSync: interrupted(fs.writeSync as (...given: unknown[]) => number) as FileCalls['writeSync'],
    writevSync: interrupted(fs.writevSync),
    readSync: interrupted(fs.readSync as (...given: unknown[]) => number) as FileCalls['readSync'],
  })
  const file = disk.open(path, 'create')
  file.write([Buffer.from('one')], 0)
  interruptions = 3
  file.write([Buffer.from('two'), Buffer.from('three')], 3)
  interruptions = 3
  t.equal(textOf(disk, path), 'onetwothree')
  interruptions = Number.POSITIVE_INFINITY
  throwsDiskError(t, () => file.write([Buffer.from('x')], 0), 'write', path, 'EINTR')
  throwsDiskError(t, () => file.read(Buffer.alloc(1), 0), 'read', path, 'EINTR')
  file.close()
})

t.test('a system that writes nothing and says nothing is not asked for ever', async t => {
  const path = join(folderOf(t), 'a')
  const file = changed({ writeSync: () => 0 }).open(path, 'create')
  throwsDiskError(t, () => file.write([Buffer.from('x')], 0), 'write', path, 'EIO')
  file.close()
})

t.test('a sync that fails is told, and not tried again', async t => {
  let syncs = 0
  const path = join(folderOf(t), 'a')
  const disk = changed({
    fdatasyncSync: () => {
      syncs++
      throw failure('EIO')
    },
    fdatasync: ((_: number, done: (error: Error | null) => void) => {
      syncs++
      queueMicrotask(() => done(failure('ENOSPC')))
    }) as FileCalls['fdatasync'],
  })
  const file = disk.open(path, 'create')
  throwsDiskError(t, () => file.sync(), 'sync', path, 'EIO')
  const told = await new Promise<DiskError | null>(resolve => file.syncLater(resolve))
  t.match(told, { name: 'DiskError', operation: 'syncLater', path, errno: 'ENOSPC', cause: { code: 'ENOSPC' } })
  t.equal(syncs, 2)
  file.close()
})

t.test('a background sync has a descriptor of its own, so that it is not told what another should be', async t => {
  const synced: { readonly descriptor: number; readonly file: number }[] = []
  const note = (descriptor: number): void => void synced.push({ descriptor, file: fs.fstatSync(descriptor).ino })
  const path = join(folderOf(t), 'a')
  const disk = changed({
    fdatasyncSync: descriptor => note(descriptor),
    fdatasync: ((descriptor: number, done: (error: Error | null) => void) => {
      note(descriptor)
      done(null)
    }) as FileCalls['fdatasync'],
  })
  const file = disk.open(path, 'create')
  file.syncLater(() => undefined)
  file.sync()
  file.syncLater(() => undefined)
  const [later, now, again] = synced
  t.not(later?.descriptor, now?.descriptor)
  t.equal(later?.descriptor, again?.descriptor)
  t.equal(later?.file, now?.file)
  file.close()
  const removed = disk.open(path, 'write')
  disk.remove(path)
  removed.syncLater(error => t.equal(error, null, 'one that was removed is synced all the same'))
  removed.close()
})

t.test('a descriptor is given back when the last background sync of a closed file has ended', async t => {
  const waiting: ((error: Error | null) => void)[] = []
  let closed = 0
  const path = join(folderOf(t), 'a')
  const disk = changed({
    fdatasync: ((_: number, done: (error: Error | null) => void) => void waiting.push(done)) as FileCalls['fdatasync'],
    closeSync: descriptor => {
      closed++
      fs.closeSync(descriptor)
      throw failure('EIO')
    },
  })
  const file = disk.open(path, 'create')
  const told: (DiskError | null)[] = []
  for (let count = 0; count < 2; count++) file.syncLater(error => told.push(error))
  file.close()
  t.equal(closed, 0)
  waiting[0]?.(null)
  t.equal(closed, 0)
  t.strictSame(told, [null])
  waiting[1]?.(null)
  t.equal(closed, 2, 'and the one for the background')
  t.match(told[1], { operation: 'close', path, errno: 'EIO' }, 'the last one is told what the end came to')
})

t.test('a folder is synced by its descriptor, which is given back', async t => {
  const folder = folderOf(t)
  const done: string[] = []
  let sync = (): void => undefined
  const disk = changed({
    openSync: (path, flags) => {
      done.push(`open ${String(path)}`)
      return fs.openSync(path, flags)
    },
    fsyncSync: () => {
      done.push('sync')
      sync()
    },
    closeSync: descriptor => {
      done.push('close')
      fs.closeSync(descriptor)
    },
  })
  const all = process.platform === 'win32' ? [] : [`open ${folder}`, 'sync', 'close']
  disk.syncDirectory(folder)
  t.strictSame(done.splice(0), all)
  if (process.platform === 'win32') return
  sync = () => {
    throw failure('EIO')
  }
  throwsDiskError(t, () => disk.syncDirectory(folder), 'syncDirectory', folder, 'EIO')
  t.strictSame(done.splice(0), all)
  sync = () => {
    throw failure('EINVAL')
  }
  disk.syncDirectory(folder)
  t.strictSame(done.splice(0), all, 'a file system that has no such operation is let be')
  sync = () => undefined
  disk.makeFolder(`${folder}/x/y`)
  const synced = done.splice(0).filter(step => step.startsWith('open'))
  t.strictSame(synced, [`open ${folder}/x`, `open ${folder}`], 'new folders are durable')
  disk.makeFolder(`${folder}/x/y`)
  t.strictSame(done, [])
})

t.test('a folder that cannot be made is told, and not tried for ever', async t => {
  const disk = new NodeDisk()
  const file = join(folderOf(t), 'a')
  disk.open(file, 'create').close()
  throwsDiskError(t, () => disk.makeFolder(file), 'makeFolder', file, 'EEXIST')
  throwsDiskError(t, () => disk.makeFolder(`${file}/b`), 'makeFolder', `${file}/b`, 'ENOTDIR')
  if (process.platform !== 'linux') return
  for (const path of ['/proc/nothing', '/proc/nothing/at/all'])
    throwsDiskError(t, () => disk.makeFolder(path), 'makeFolder', path, 'ENOENT')
})

t.test('what is no failure of the system is not taken for one', async t => {
  const disk = changed({
    openSync: () => {
      throw new TypeError('a mistake')
    },
  })
  t.throws(() => disk.open('/a', 'create'), { name: 'TypeError', message: 'a mistake' })
  const error = (() => {
    try {
      return new NodeDisk().open(join(folderOf(t), 'a'), 'read')
    } catch (thrown) {
      return thrown
    }
  })()
  t.ok(error instanceof DiskError && error.cause instanceof Error, 'a failure carries what Node said')
})

const onLinux = process.platform === 'linux' ? false : 'only on Linux'

t.test('a limit on the size of files is met in the midst of a write', { skip: onLinux }, async t => {
  const path = join(folderOf(t), 'a')
  const program = fileURLToPath(new URL('./file-limit.fixture.js', import.meta.url))
  // In pieces of 512 bytes.
  const { stdout, stderr, status } = spawnSync('sh', [
    '-c',
    'ulimit -f 8; exec "$0" "$@"',
    process.execPath,
    program,
    path,
  ])
  t.equal(status, 0, stderr.toString())
  t.strictSame(JSON.parse(stdout.toString()), { many: 'write EFBIG', size: 4_096, one: 'write EFBIG', within: null })
  t.strictSame(readFileSync(path).subarray(0, 3_000), Buffer.alloc(3_000, 1))
})

const hasFull = existsSync('/dev/full') ? false : 'there is no /dev/full'

t.test('a disk without room says so', { skip: onLinux || hasFull }, async t => {
  // A device is no file, and is refused unless it is taken for one.
  const regular = fs.statSync(fileURLToPath(import.meta.url))
  const file = changed({ statSync: (() => regular) as unknown as FileCalls['statSync'] }).open('/dev/full', 'write')
  throwsDiskError(t, () => file.write([Buffer.from('x')], 0), 'write', '/dev/full', 'ENOSPC')
  throwsDiskError(t, () => file.write([Buffer.from('x'), Buffer.from('y')], 0), 'write', '/dev/full', 'ENOSPC')
  file.close()
})

t.test(
  'what is no file is refused at once by its name, and a link to a file is that file',
  { skip: onLinux },
  async t => {
    const folder = folderOf(t)
    const at = (name: string): string => join(folder, name)
    writeFileSync(at('file'), 'x')
    mkdirSync(at('folder'))
    spawnSync('mkfifo', [at('pipe')])
    const server = createServer().listen(at('socket'))
    t.teardown(() => server.close())
    await once(server, 'listening')
    for (const name of ['file', 'folder', 'pipe']) symlinkSync(name, at(`link to ${name}`))
    const disk = new NodeDisk()
    for (const [name, kind] of [
      ['folder', 'a folder'],
      ['pipe', 'a pipe'],
      ['socket', 'a socket'],
      ['link to folder', 'a folder'],
      ['link to pipe', 'a pipe'],
    ] as const)
      for (const how of ['read', 'write'] as const)
        t.throws(() => disk.open(at(name), how), { name: 'ForeignFileError', file: at(name), why: new RegExp(kind) })
    t.throws(() => disk.open('/dev/null', 'read'), { name: 'ForeignFileError', why: /a device/ })
    const file = disk.open(at('link to file'), 'read')
    t.equal(file.size(), 1)
    file.close()
  },
)
