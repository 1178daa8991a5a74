/** What an opening makes of a folder in which something is gone, strange or half made. */
import t from 'tap'
import { FaultyDisk } from '../log/disk/faulty-disk.fixture.ts'
import { verifyStore } from '../log/folder/verify-store.ts'
import { sign } from '../log/format/record-frames.fixture.ts'
import { SimDisk } from '../proof/sim/sim-disk.ts'
import { openDirectory } from './open-directory.ts'
import { asVersion, DIR, makeFolder, openFolder, shapeOf } from './small-folder.fixture.ts'

const JOURNAL_BYTES = 8_192
const IDENTITY = `${DIR}/millrace.id`

t.test('a catalog that is gone is not made anew in a folder of version 1 with topics', async t => {
  const { disk } = makeFolder(true)
  disk.put(IDENTITY, asVersion(1, disk.bytesOf(IDENTITY)))
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

t.test('records that cannot be are damage, wherever a log was synced to: no opening cuts them off', async t => {
  const { disk } = makeFolder(false)
  const file = disk.files
    .filter(name => name.startsWith(`${DIR}/topics/2-0/`) && name.endsWith('.log'))
    .at(-1) as string
  const bytes = disk.bytesOf(file)
  let last = 64
  while (last + bytes.readInt32LE(last) < bytes.length) last += bytes.readInt32LE(last)
  const frame = bytes.subarray(last)
  frame.writeUInt16LE(7, 72 + 4)
  sign(frame)
  disk.put(file, bytes)
  const findingsOf = (): unknown[] => verifyStore(disk, DIR).partitions.flatMap(({ findings }) => findings)
  const wanted = [{ file, position: last, why: /has no offset in it/, isDamage: true }]
  t.match(findingsOf(), wanted)
  openFolder(disk)
  t.match(findingsOf(), wanted, 'and it is there still')
})
