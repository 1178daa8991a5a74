/**
 * Lets one operation after the other of log stores fail, and looks at what they say and at what is there afterwards.
 *
 *   node dist/runtime/proof/stress/disk-faults.js [--points 500] [--limits 20]
 *
 * First on a simulated disk: at each point an operation fails with EIO or ENOSPC, and later the power is lost. Then on the
 * real one: `--limits` processes may write files only so large (Linux), and, where this user may mount one, on a file system of a
 * megabyte. Fails when an error is not told as what it was, when something acknowledged is gone, or when what is left cannot be
 * opened.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { lifeBy, StoreLives } from '../../log/store/store-lives.fixture.ts'
import { Chance } from '../sim/chance.ts'
import { endOf, type Told } from './store-writer.fixture.ts'

const { values } = parseArgs({
  options: { points: { type: 'string', default: '500' }, limits: { type: 'string', default: '20' } },
})

/** About as many operations does a life have. */
const FAIL_AT_MAX = 300
const program = fileURLToPath(new URL('./store-writer.fixture.js', import.meta.url))

/** Lets so many operations fail, and returns how many lives that took. */
function failEach(points: number): number {
  let seed = 0
  for (let met = 0; met < points; seed++) {
    if (seed > 10 * points) throw new Error('too few operations fail')
    const chance = new Chance(seed)
    const lives = new StoreLives()
    lives.live({ ...lifeBy(chance), acts: appends(chance, 20), cutAt: 1e9, how: 'crash' })
    const failAt = seed % FAIL_AT_MAX
    lives.live({ ...lifeBy(chance), hosts: 1, acts: appends(chance, 80), cutAt: 1e9, failAt, how: 'power' })
    lives.live({ ...lifeBy(chance), acts: [], cutAt: 1e9, how: 'power' })
    if (lives.failures > 0) met++
  }
  return seed
}

function appends(chance: Chance, count: number): ReturnType<typeof lifeBy>['acts'] {
  const kinds = ['append', 'append', 'append', 'tend', 'settle', 'reopen', 'truncate'] as const
  return Array.from({ length: count }, () => ({
    do: chance.pick(kinds),
    where: chance.below(64),
    size: chance.below(1000),
  }))
}

/** Runs the writer behind a command of the shell, and opens what it left; throws where it told what is not so. */
function writeBehind(shell: string, folder: string): Told {
  const { stdout, stderr, status } = spawnSync('sh', ['-c', shell, process.execPath, program, folder, '1500'])
  if (status !== 0) throw new Error(`the writer failed: ${stderr}`)
  return JSON.parse(stdout.toString()) as Told
}

function check({ acked, error, isSame }: Told, folder: string, errnos: readonly string[]): void {
  if (!errnos.some(errno => error?.endsWith(errno))) throw new Error(`it failed with ${error}`)
  if (!isSame) throw new Error(`after ${error} it went on`)
  const end = endOf(folder)
  if (end < acked) throw new Error(`${acked} records were acknowledged, and ${end} are there, after ${error}`)
}

/** How often a process met the limit of its files. */
function limitFiles(times: number): number {
  if (process.platform !== 'linux') return 0
  for (let time = 0; time < times; time++) {
    const folder = mkdtempSync(join(tmpdir(), 'limited-'))
    // In pieces of 512 bytes: from less than a journal to some of them.
    const told = writeBehind(`ulimit -f ${100 + time * 37}; exec "$0" "$@"`, folder)
    check(told, folder, ['EFBIG'])
    rmSync(folder, { recursive: true })
  }
  return times
}

/** Fills a file system of a megabyte; whether there could be one. */
function fillDisk(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'small-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder]).status === 0
  try {
    if (!mounted) return false
    const told = writeBehind('exec "$0" "$@"', join(folder, 'data'))
    if (spawnSync('mount', ['-o', 'remount,size=8m', folder]).status !== 0)
      throw new Error('the disk cannot be made larger')
    check(told, join(folder, 'data'), ['ENOSPC'])
    return true
  } finally {
    if (mounted) spawnSync('umount', [folder])
    rmSync(folder, { recursive: true, force: true })
  }
}

function main(): void {
  const points = Number(values.points)
  const lives = failEach(points)
  console.log(`${points} failed operations in ${lives} lives: each was told, nothing acknowledged is gone`)
  console.log(`${limitFiles(Number(values.limits))} processes stopped by a limit on the size of files`)
  console.log(fillDisk() ? 'a disk of a megabyte was filled' : 'no disk of a megabyte could be mounted here')
}

main()
