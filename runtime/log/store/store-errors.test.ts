/** What callers are told of a disk and of damage: a code, what was said, and what to do. */
import t from 'tap'
import { DiskError } from '../disk/disk.ts'
import { CorruptLogError, ForeignFileError, NewerFormatError } from '../disk/log-errors.ts'
import { storeError } from './store-errors.ts'

t.test('a disk that refuses is told with what to do', async t => {
  for (const [errno, advice] of [
    ['ENOSPC', 'make room on the disk'],
    ['EMFILE', 'let this process have more open files'],
    ['EACCES', 'let this process read and write there'],
    ['EROFS', 'mount the disk for writing'],
    ['EIO', 'see to the disk'],
    ['ENOENT', 'see to the disk'],
    ['ENAMETOOLONG', 'a name in that path is too long'],
    ['ELOOP', 'its links lead in a circle'],
  ] as const) {
    const message = new RegExp(`^open of /data/catalog failed with ${errno}: ${advice}.*, and open the broker again$`)
    t.match(storeError(new DiskError('open', '/data/catalog', errno)), { code: 'MILL_DISK', message })
    const said = Object.assign(new Error(errno), { syscall: 'open', path: '/data/LOCK', code: errno })
    if (advice !== 'see to the disk')
      t.match(storeError(said), { code: 'MILL_DISK', message: new RegExp(`LOCK .*: ${advice}`) })
  }
})

t.test('a folder that cannot be made because its path leads nowhere is not said to be a fault of the disk', async t => {
  const message = /^makeFolder of \/data failed with ENOENT: part of that path is missing, or a link that leads nowhere/
  t.match(storeError(new DiskError('makeFolder', '/data', 'ENOENT')), { code: 'MILL_DISK', message })
})

t.test('damage and what is foreign are to be restored from a copy, a later version is to be used', async t => {
  for (const [error, advice] of [
    [new CorruptLogError('/data/catalog', 8, 'why'), /catalog at byte 8: why.*Restore the folder from a copy/],
    [new ForeignFileError('/data/catalog', 0, 'why'), /catalog at byte 0: why.*Restore the file from a copy/],
    [new NewerFormatError('/data/catalog', 4, 'why', 9), /later version of millrace: use that one/],
  ] as const)
    t.match(storeError(error), { code: 'MILL_CORRUPT', message: advice })
})
