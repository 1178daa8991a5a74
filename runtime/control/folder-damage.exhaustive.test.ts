/**
 * Every file of a folder gone, empty, cut at each 512 bytes, or with a bit flipped in each 64 bytes: opening it is refused with
 * the file's name, or all that was acknowledged is there, or what was promised least ends early and that is told.
 */
import { dirname } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { CorruptLogError, LogFileError } from '../log/disk/log-errors.ts'
import type { MemoryDisk } from '../log/disk/memory-disk.fixture.ts'
import { type PartitionReport, verifyStore } from '../log/folder/verify-store.ts'
import { readIdentity } from '../log/store/identity.ts'
import { SettledLog, settledPath } from '../log/store/settled-log.ts'
import { storeError } from '../log/store/store-errors.ts'
import { drawn, portion } from '../proof/fixtures/portion.fixture.ts'
import type { CutTail } from '../wire/folder.ts'
import { isMillraceError } from '../words/errors.ts'
import { type Contents, DIR, makeFolder, openFolder, TOPICS } from './small-folder.fixture.ts'

const CUT_BYTES = 512
const FLIP_BYTES = 64

interface Damage {
  readonly how: string
  readonly bytes: Buffer | null
}

function* damagesOf(bytes: Buffer, salt: number): Generator<Damage> {
  yield { how: 'missing', bytes: null }
  yield { how: 'empty', bytes: Buffer.alloc(0) }
  const cuts = Math.ceil(bytes.length / CUT_BYTES)
  for (let cut = 1; cut < cuts; cut++)
    yield { how: `cut at ${cut * CUT_BYTES}`, bytes: bytes.subarray(0, cut * CUT_BYTES) }
  for (const piece of drawn(Math.ceil(bytes.length / FLIP_BYTES), salt)) {
    const flipped = Buffer.from(bytes)
    const at = Math.min(bytes.length - 1, piece * FLIP_BYTES + ((piece * 37) % FLIP_BYTES))
    flipped[at] = (flipped[at] as number) ^ (1 << (piece % 8))
    yield { how: `flipped at ${at}`, bytes: flipped }
  }
}

/** Whether everything is as it was, but for ends that were told, of what need not survive. */
function isAllThere(found: Contents, made: Contents, told: readonly CutTail[], isClosed: boolean): string | null {
  for (const name of ['catalog', 'producers', 'snapshots', 'groups', 'letters', 'settled'] as const)
    if (!isDeepStrictEqual(found[name], made[name])) {
      const file = ['groups', 'letters', 'settled'].includes(name) ? `host-0.${name}` : name
      // What was not synced when the process died is as of a little before.
      if (isClosed || name === 'catalog' || found[name] === undefined) return `${name} is not what it was`
      if (!told.some(cut => cut.file === `${DIR}/${file}`)) return `${name} is of before, and nobody was told`
    }
  for (const [at, frames] of made.logs.entries()) {
    const got = found.logs[at] ?? []
    if (got.some((frame, each) => !frame.equals(frames[each] as Buffer))) return `log ${at} has other frames`
    if (got.length === frames.length) continue
    if (isClosed || TOPICS[at]?.durability !== 'os') return `log ${at} lost ${frames.length - got.length} frames`
    if (!told.some(cut => cut.file.startsWith(`${DIR}/topics/${TOPICS[at]?.id}-`)))
      return `log ${at} lost frames silently`
  }
  return null
}

/** As callers see it. A segment that is gone is told by its neighbour or its folder. */
function isNamed(error: unknown, file: string): boolean {
  const told = storeError(error)
  if (!isMillraceError(told, 'MILL_CORRUPT') || !(told.cause instanceof LogFileError)) return false
  const named = told.cause.file
  return named === file || (file.includes('/topics/') && named.startsWith(dirname(file)))
}

function verifies(disk: MemoryDisk): boolean {
  try {
    const { partitions, findings } = verifyStore(disk, DIR)
    return ![...findings, ...partitions.flatMap(each => each.findings)].some(({ isDamage }) => isDamage)
  } catch {
    return false
  }
}

function withoutStacks<T>(act: () => T): T {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    return act()
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

for (const isClosed of [true, false])
  t.test(`after ${isClosed ? 'a clean close' : 'a kill'} no damage is silent`, async t => {
    const { disk, contents } = makeFolder(isClosed)
    t.ok(contents.logs.every(frames => frames.length === 24))
    const silent: string[] = []
    const outcomes = new Map<string, Record<string, number>>()
    let tried = 0
    withoutStacks(() => {
      for (const [salt, file] of disk.files.entries())
        for (const { how, bytes } of damagesOf(disk.bytesOf(file), salt)) {
          tried++
          const damaged = disk.copy()
          if (bytes === null) damaged.remove(file)
          else damaged.put(file, bytes)
          const isFound = !verifies(damaged.copy())
          let outcome = 'unharmed'
          try {
            const { contents: found, told } = openFolder(damaged)
            const wrong = isAllThere(found, contents, told, isClosed)
            if (wrong !== null) silent.push(`${file} ${how}: ${wrong}`)
            if (!isDeepStrictEqual(found, contents)) outcome = 'told'
          } catch (error) {
            outcome = 'refused'
            if (!isNamed(error, file)) silent.push(`${file} ${how}: ${error}`)
            else if (!isFound) silent.push(`${file} ${how}: refused, and verify finds nothing: ${error}`)
          }
          const counts = outcomes.get(file) ?? {}
          counts[outcome] = (counts[outcome] ?? 0) + 1
          outcomes.set(file, counts)
        }
    })
    if (process.env.MILLRACE_TELL !== undefined) for (const [file, counts] of outcomes) console.error(file, counts)
    t.same(silent.slice(0, 40), [])
    t.ok(tried > (portion.of > 1 ? 100 : 600), `${tried} tried`)
  })

t.test(
  'a queue whose log begins behind a message that is not settled is damage, to verify and to its opening',
  async t => {
    const { disk } = makeFolder(true)
    const log = SettledLog.open(disk, settledPath(DIR, 0), readIdentity(disk, DIR).logId)
    log.write([{ topic: 2, partition: 0, settled: [[0, 3]] }])
    t.throws(() => log.opened(2, 0, 8, 24), CorruptLogError)
    log.close()
    t.ok(verifies(disk.copy()))
    for (const kind of ['log', 'index']) disk.remove(`${DIR}/topics/2-0/00000000000000000000.${kind}`)
    const { findings } = verifyStore(disk, DIR).partitions[1] as PartitionReport
    t.match(findings[0], {
      isDamage: true,
      why: 'the log begins at offset 8, and messages of the queue from 3 on are not',
    })
  },
)
