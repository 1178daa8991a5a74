/** Files of a journal begin small, and larger ones take their place when they are in the way. */
import t from 'tap'
import { MemoryDisk } from '../disk/memory-disk.fixture.ts'
import { A, areAsAppended, B, BYTES, entry, FOLDER, offsets, recover, start } from './journal.fixture.ts'

const MOST = 32 * BYTES

function sizes(disk: MemoryDisk): number[] {
  return [A, B].map(path => disk.bytesOf(path).length)
}

t.test('a folder begins with files of 16 KiB, and one that is busy has files as large as they may be', async t => {
  const disk = new MemoryDisk()
  const journal = start(disk, 1_048_576)
  t.same(sizes(disk), [16_384, 16_384])
  for (let offset = 0; Math.min(...sizes(disk)) < 1_048_576 && offset < 100; offset++)
    if (journal.append([entry(offset, 65_536)]) === 'full') journal.release(journal.sequence)
  t.same(sizes(disk), [1_048_576, 1_048_576])
})

t.test('nothing is lost or found twice while files grow', async t => {
  const disk = new MemoryDisk()
  const journal = start(disk, MOST, BYTES)
  let released = 0
  for (let offset = 0; offset < 2_000; offset++) {
    if (journal.append([entry(offset, 500)]) === 'full') {
      released = offset
      journal.release(journal.sequence)
      journal.append([entry(offset, 500)])
    }
    if (offset % 10 !== 0) continue
    const recovered = recover(disk)
    const found = offsets(recovered)
    if (found.at(-1) !== offset || (found[0] as number) > released || !areAsAppended(recovered.blocks))
      t.fail(`${found.join()} after ${offset}`)
  }
  t.same(sizes(disk), [MOST, MOST])
  t.same(disk.list(FOLDER).sort(), ['host-3.journal-a', 'host-3.journal-b'])
})

t.test('the mark that nothing in a file is needed is durable before a larger file takes its place', async t => {
  const disk = new MemoryDisk()
  const journal = start(disk, MOST, BYTES)
  disk.trace.length = 0
  journal.append([entry(0, 3 * BYTES)])
  t.same(disk.trace, [
    'write host-3.journal-a',
    'sync host-3.journal-a',
    'create host-3.journal-b.new',
    'write host-3.journal-b.new',
    'sync host-3.journal-b.new',
    'rename host-3.journal-b',
    'syncDirectory data',
    'write host-3.journal-b',
    'sync host-3.journal-b',
  ])
  t.same(offsets(recover(disk)), [0])
  t.same(sizes(disk), [BYTES, 4 * BYTES])
})

t.test('a file that was long in use is large enough', async t => {
  const disk = new MemoryDisk()
  let now = 0
  const journal = start(disk, MOST, BYTES, () => now)
  for (let offset = 0; offset < 100; offset++) {
    now += 3_000
    journal.append([entry(offset, 500)])
    journal.release(journal.sequence)
  }
  t.same(sizes(disk), [BYTES, BYTES])
})

t.test('a disk without room for a larger file leaves the smaller one', async t => {
  for (const operation of ['write', 'sync']) {
    const disk = new MemoryDisk()
    const journal = start(disk, MOST, BYTES)
    const fails = (): void => disk.failNext(operation, /journal-b.new/, 'ENOSPC')
    fails()
    t.equal(
      journal.append([entry(0, 3 * BYTES)]),
      'full',
      'what is larger than the file is the owner’s to make durable',
    )
    t.same(disk.list(FOLDER).sort(), ['host-3.journal-a', 'host-3.journal-b'])
    journal.release(journal.sequence)
    t.equal(journal.append([entry(1, 500)]), 'durable')
    t.same(offsets(recover(disk)), [1])
    t.equal(journal.append([entry(2, 3 * BYTES)]), 'durable', 'and with room again it grows')
    t.same(offsets(recover(disk)), [1, 2])
  }
})

t.test('files stay as large as they are from one process to the next', async t => {
  const disk = new MemoryDisk()
  const journal = start(disk, MOST, BYTES)
  journal.append([entry(0, 3 * BYTES)])
  start(disk, MOST, BYTES)
  t.same(sizes(disk), [BYTES, 4 * BYTES])
})
