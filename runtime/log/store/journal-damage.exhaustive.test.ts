/** Every bit of a journal that may change, and every byte at which it may end: nothing is invented, nothing acknowledged is lost in silence. */
import t from 'tap'
import { drawn, portion } from '../../proof/fixtures/portion.fixture.ts'
import { MemoryDisk } from '../disk/memory-disk.fixture.ts'
import { A, areAsAppended, asFirstVersion, B, BYTES, entry, offsets, recover, start } from './journal.fixture.ts'

type State = 'end' | 'torn' | 'damaged'

interface Case {
  readonly title: string
  readonly disk: MemoryDisk
  /** Base offsets that must come back, and how many of them are of the last group commit. */
  readonly expected: readonly number[]
  readonly last: number
}

/** A few group commits in fresh files. */
function fresh(): Case {
  const disk = new MemoryDisk()
  const journal = start(disk)
  journal.append([entry(0, 90), entry(1, 33)])
  journal.append([entry(2, 300)])
  journal.append([entry(3, 8), entry(4, 50)])
  return { title: 'fresh files', disk, expected: [0, 1, 2, 3, 4], last: 2 }
}

/** Both files in use, after rounds of blocks of the same and other sizes, which lie behind the new ones. */
function reused(): Case {
  const disk = new MemoryDisk()
  const journal = start(disk)
  let offset = 0
  for (let round = 0; round < 20; round++) {
    while (journal.append([entry(offset, 450 + (round % 3) * 8), entry(offset + 1, 200)]) === 'durable') offset += 2
    journal.release(journal.sequence)
  }
  const from = offset
  while (!journal.mustCheckpoint) {
    journal.append([entry(offset, 450), entry(offset + 1, 200)])
    offset += 2
  }
  journal.append([entry(offset, 450), entry(offset + 1, 200)])
  offset += 2
  const expected = offsets(recover(disk))
  t.ok((expected[0] as number) <= from && expected.at(-1) === offset - 1)
  return { title: 'reused files', disk, expected, last: 2 }
}

/** The same as code of before wrote it. */
function before(): Case {
  const made = fresh()
  asFirstVersion(made.disk)
  return { ...made, title: 'files of before' }
}

/** What is wrong with what recovery finds; and its state. */
function check(
  { disk, expected, last }: Case,
  isCut: boolean,
): { readonly wrong: string | null; readonly state: State } {
  const recovered = recover(disk)
  const found = offsets(recovered)
  const { state } = recovered.end
  const missing = expected.length - found.length
  const isPrefix = found.every((offset, index) => offset === expected[index])
  if (!isPrefix || !areAsAppended(recovered.blocks)) return { wrong: `invented ${found.join()}`, state }
  if (missing > 0 && state === 'end') return { wrong: `${missing} blocks missing and unnoticed`, state }
  if (missing > last && state !== 'damaged') return { wrong: `acknowledged blocks missing, and only ${state}`, state }
  if (isCut && state !== 'damaged') return { wrong: `the file is shorter, and only ${state}`, state }
  return { wrong: null, state }
}

for (const make of [fresh, before, reused]) {
  const made = make()
  t.test(`${made.title}: each flipped bit is noticed where it matters, and invents nothing`, async t => {
    const seen = { end: 0, torn: 0, damaged: 0 }
    let tried = 0
    const wrongs: string[] = []
    t.same(check(made, false), { wrong: null, state: 'end' })
    for (const path of [A, B]) {
      const bytes = made.disk.bytesOf(path)
      // Where nothing was ever written one bit of each byte will do.
      const step = bytes.every(byte => byte === 0) ? 8 : 1
      const bits = (bytes.length * 8) / step
      let count = 0
      for (const each of drawn(bits, path === A ? 1 : 2)) {
        count++
        const bit = each * step
        const byte = bit >> 3
        const before = bytes[byte] as number
        bytes[byte] = before ^ (1 << (bit & 7))
        made.disk.put(path, bytes)
        const { wrong, state } = check(made, false)
        if (wrong !== null) wrongs.push(`${path} bit ${bit}: ${wrong}`)
        seen[state]++
        bytes[byte] = before
      }
      made.disk.put(path, bytes)
      t.equal(count, Math.ceil(bits / portion.of))
      tried += count
    }
    t.same(wrongs.slice(0, 3), [])
    t.equal(seen.end + seen.torn + seen.damaged, tried)
    // Each of these is what a run of at least 1,984 bits comes to: the last group commit, those before it, and what is
    // free. A run of twice the length of the stretches from which one is drawn holds a whole stretch.
    if (portion.of * 2 <= 1_984) t.ok(seen.end > 0 && seen.torn > 0 && seen.damaged > 0, JSON.stringify(seen))
  })

  t.test(`${made.title}: each truncation is damage, and invents nothing`, async t => {
    const wrongs: string[] = []
    let [tried, lengths] = [0, 0]
    for (const path of [A, B]) {
      const bytes = made.disk.bytesOf(path)
      lengths += Math.ceil(bytes.length / portion.of)
      for (const length of drawn(bytes.length, path === A ? 3 : 4)) {
        made.disk.put(path, bytes.subarray(0, length))
        const { wrong } = check(made, true)
        if (wrong !== null) wrongs.push(`${path} cut to ${length}: ${wrong}`)
        tried++
      }
      made.disk.put(path, bytes)
    }
    t.same(wrongs.slice(0, 3), [])
    t.equal(tried, lengths)
    t.equal(recover(made.disk).end.state, 'end')
  })
}

t.test('a file that is cut to what would be enough for a smaller journal is damage', async t => {
  const disk = new MemoryDisk()
  const journal = start(disk, 2 * BYTES)
  journal.append([entry(0, 90)])
  const made: Case = { title: '', disk, expected: [0], last: 1 }
  const bytes = disk.bytesOf(A)
  t.same(check(made, false), { wrong: null, state: 'end' })
  for (const length of [bytes.length - 1, bytes.length - 8, BYTES + 1, BYTES]) {
    disk.put(A, bytes.subarray(0, length))
    t.same(check(made, true), { wrong: null, state: 'damaged' }, `cut to ${length}`)
  }
})
