/** The power is lost between any two operations, and whatever was not durable is there or not, by chance. */
import fc from 'fast-check'
import t from 'tap'
import { portion } from '../../proof/fixtures/portion.fixture.ts'
import { MemoryDisk, PowerLoss } from '../disk/memory-disk.fixture.ts'
import { appendFrame, FOLDER, framesIn, readAll, SETTINGS } from '../format/log-frames.fixture.ts'
import { LogReader } from '../read/log-reader.ts'
import { PartitionLog } from './partition-log.ts'

interface Written {
  readonly baseOffset: number
  readonly endOffset: number
  readonly bytes: Buffer
}

const act = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('append' as const), size: fc.integer({ min: 1, max: 1900 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('sync' as const, 'syncLater' as const), size: fc.nat(0) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('truncate' as const), size: fc.nat(8) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('retain' as const), size: fc.nat(12_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('close' as const), size: fc.nat(0) }) },
)
const RUNS = 1500
const append = (size: number) => ({ do: 'append' as const, size })
const life = fc.record({ acts: fc.array(act, { maxLength: 30 }), fuse: fc.nat(80), seed: fc.nat() })

/** Numbers from 0 to 1, by seed. */
function chanceOf(seed: number): () => number {
  let state = seed | 1
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    return (state >>> 8) / 2 ** 24
  }
}

t.test('what was synced is there after any loss of power, and nothing that was not written', async t => {
  let losses = 0
  let cuts = 0
  fc.assert(
    fc.property(fc.array(life, { minLength: 1, maxLength: 5 }), lives => {
      let disk = new MemoryDisk()
      let written: Written[] = []
      let synced = 0
      let startLeast = 0
      let startMost = 0
      for (const { acts, fuse, seed } of lives) {
        disk.fuse = fuse
        try {
          let log = PartitionLog.open(disk, FOLDER, SETTINGS, synced)
          for (const { do: what, size } of acts) {
            if (what === 'append') {
              // What is appended when the power is lost may be there afterwards, or not.
              appendFrame(recorder(log, written), 1, size, 1000 + losses)
            } else if (what === 'sync' || what === 'syncLater') {
              const end = log.endOffset
              if (what === 'sync') log.sync()
              else {
                let told: unknown = 'nothing'
                log.syncLater(error => {
                  told = error
                })
                disk.settle()
                if (told !== null) throw new PowerLoss()
              }
              synced = end
            } else if (what === 'truncate') {
              const to = Math.max(log.startOffset, log.endOffset - size)
              synced = Math.min(synced, to)
              log.truncateTo(to)
              written = written.filter(({ endOffset }) => endOffset <= to)
            } else if (what === 'retain') {
              startMost = log.endOffset
              startMost = log.retain({ bytesMax: size })
              startLeast = startMost
            } else {
              log.close()
              log = PartitionLog.open(disk, FOLDER, SETTINGS, synced)
              synced = log.endOffset
            }
          }
        } catch (error) {
          if (!(error instanceof PowerLoss)) throw error
        }
        losses++
        disk = disk.losePower(chanceOf(seed))
        const log = PartitionLog.open(disk, FOLDER, SETTINGS, synced)
        cuts += log.cuts.length
        if (log.endOffset < synced) throw new Error(`ends at ${log.endOffset}, before ${synced}`)
        if (log.startOffset < startLeast || log.startOffset > startMost)
          throw new Error(`starts at ${log.startOffset}, not from ${startLeast} to ${startMost}`)
        const found = readAll(new LogReader(disk, FOLDER, SETTINGS), log.startOffset, log.endOffset)
        const known = new Map(written.map(({ baseOffset, bytes }) => [baseOffset, bytes]))
        for (const { baseOffset, bytes } of framesIn(Buffer.concat(found)))
          if (!known.get(baseOffset)?.equals(bytes)) throw new Error(`offset ${baseOffset} was never written so`)
        written = written.filter(({ endOffset }) => endOffset <= log.endOffset)
        synced = log.endOffset
        startLeast = log.startOffset
        startMost = log.startOffset
        log.close()
      }
    }),
    {
      numRuns: Math.ceil(RUNS / portion.of),
      // A portion is told by its seed, the whole is another each time.
      ...(portion.of > 1 && { seed: portion.seed }),
      examples: [
        // Lost between the removal of the only durable segment and the sync of its name.
        [
          [
            { acts: [{ do: 'append', size: 1 }], fuse: 7, seed: 1_219_486_474 },
            {
              acts: [append(873), append(1793), append(993), { do: 'retain', size: 0 }],
              fuse: 13,
              seed: 1_611_811_036,
            },
            { acts: [], fuse: 0, seed: 0 },
          ],
        ],
      ],
    },
  )
  // Each run is one life at least, and the power is lost at the end of each.
  t.ok(losses >= Math.ceil(RUNS / portion.of), `${losses} losses`)
  // What so few came to in a portion is chance.
  if (portion.of === 1) t.ok(losses > 1000 && cuts > 100, `${losses} losses, ${cuts} cuts`)
})

/** The log, noting what is appended before it is. */
function recorder(log: PartitionLog, written: Written[]): Pick<PartitionLog, 'append' | 'endOffset'> {
  return {
    endOffset: log.endOffset,
    append: (parts, frames, bytes) => {
      written.push({ baseOffset: frames.baseOffset, endOffset: frames.endOffset, bytes: parts[0] as Buffer })
      log.append(parts, frames, bytes)
    },
  }
}
