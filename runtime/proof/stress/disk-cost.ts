/**
 * What a group commit costs: a write from shared memory and a sync, through the log's disk and by `node:fs` alone. After
 * a build:
 *
 *   node dist/runtime/proof/stress/disk-cost.js [--commits N] [--bytes B] [--folder F]
 *
 *   --commits  so many of each kind; default 2000
 *   --bytes    in each of them; default 65536
 *   --folder   where the files are made and removed; default the system's folder for temporary files
 *
 * The kinds take turns in all orders, so that all of them meet the same moods of the disk and of the processor's caches,
 * which a sync leaves cold. Prints medians in microseconds, with the quantiles 0.1 and 0.9. Without a sync one sees what
 * the wrapper adds to a write.
 */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writevSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Memory } from 'sharedarraybuffer-ring'
import { NodeDisk } from '../../log/disk/node-disk.ts'
import { quantile } from './within.fixture.ts'

/** Files start again at this size, so that they stay small. */
const FILE_BYTES_MAX = 64 * 1024 * 1024

const { values: options } = parseArgs({
  options: {
    commits: { type: 'string', default: '2000' },
    bytes: { type: 'string', default: '65536' },
    folder: { type: 'string', default: tmpdir() },
  },
})
const commits = Number(options.commits)
const bytes = Number(options.bytes)
const { u8 } = Memory.allocate(bytes)
u8.fill(7)
// As a window gives it: what wraps is in two places.
const parts = [u8.subarray(0, bytes >> 1), u8.subarray(bytes >> 1, bytes)]

const folder = mkdtempSync(join(options.folder, 'millrace-disk-cost-'))
const disk = new NodeDisk()
const file = disk.open(join(folder, 'disk'), 'create')
const descriptor = openSync(join(folder, 'fs'), 'wx+')

const kinds: Readonly<Record<string, (position: number) => void>> = {
  'disk, write': position => file.write(parts, position),
  'fs, writev': position => void writevSync(descriptor, parts, position),
  'disk, write and sync': position => {
    file.write(parts, position)
    file.sync()
  },
  'fs, writev and fdatasync': position => {
    writevSync(descriptor, parts, position)
    fdatasyncSync(descriptor)
  },
}

/** All orders of the kinds, one after the other: who follows whom matters as much as who is first. */
const orders = permutations(Object.entries(kinds))

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]]
  return items.flatMap((item, index) => permutations(items.toSpliced(index, 1)).map(rest => [item, ...rest]))
}

const took = new Map(Object.keys(kinds).map(name => [name, [] as number[]]))
try {
  for (let commit = 0; commit < commits; commit++) {
    const position = (commit * bytes) % FILE_BYTES_MAX
    for (const [name, act] of orders[commit % orders.length] ?? []) {
      const since = performance.now()
      act(position)
      took.get(name)?.push((performance.now() - since) * 1_000)
    }
  }
} finally {
  file.close()
  closeSync(descriptor)
  rmSync(folder, { recursive: true })
}

console.log(`${commits} commits of ${bytes} bytes, microseconds: median (0.1 .. 0.9)`)
for (const [name, times] of took) {
  const [low = 0, median = 0, high = 0] = [0.1, 0.5, 0.9].map(share => Math.round(quantile(times, share)))
  console.log(`${name.padEnd(26)}${String(median).padStart(8)}  (${low} .. ${high})`)
}
