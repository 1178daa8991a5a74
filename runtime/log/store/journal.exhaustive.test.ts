/** The power is lost at any operation of a journal, again and again: what was acknowledged is there, and nothing else. */
import t from 'tap'
import { drawn, portion } from '../../proof/fixtures/portion.fixture.ts'
import { MemoryDisk, PowerLoss } from '../disk/memory-disk.fixture.ts'
import { A, areAsAppended, BYTES, entry, offsets, recover, seeded, start } from './journal.fixture.ts'

const SEEDS = 1_500
const LIVES = 4

t.test('a loss of power at any operation, over many rounds and restarts, loses and invents nothing', async t => {
  let seeds = 0
  let cuts = 0
  let lost = 0
  let torn = 0
  let enlarged = 0
  for (const seed of drawn(SEEDS)) {
    seeds++
    const chance = seeded(seed)
    // Blocks of one size lie where others lay the round before, so that what is torn leaves whole ones among the new.
    const isEven = chance() < 0.5
    const grows = chance() < 0.5
    let disk = new MemoryDisk()
    let offset = 0
    /** Below: in segments, or acknowledged as far as the application knows. */
    let checkpoint = 0
    let acknowledged = 0
    for (let life = 0; life < LIVES; life++) {
      disk.fuse = Math.floor(chance() * 60)
      try {
        const bytes = BYTES + 8 * Math.floor(chance() * 2)
        const journal = grows ? start(disk, 8 * bytes, bytes) : start(disk, bytes)
        for (;;) {
          const count = 1 + Math.floor(chance() * 3)
          const entries = Array.from({ length: count }, (_, index) =>
            entry(offset + index, isEven ? 424 : 1 + Math.floor(chance() * (grows && chance() < 0.1 ? 6_000 : 600))),
          )
          const isFull = journal.append(entries) === 'full'
          if (!isFull) {
            offset += count
            acknowledged = offset
          }
          if (grows && disk.bytesOf(A).length > BYTES + 8) enlarged++
          if (isFull || chance() < 0.1) {
            checkpoint = offset
            journal.release(journal.sequence)
          }
        }
      } catch (error) {
        if (!(error instanceof PowerLoss)) throw error
        cuts++
      }
      disk = disk.losePower(chance)
      const recovered = recover(disk)
      if (recovered.end.state === 'torn') torn++
      const found = offsets(recovered)
      const isJoined = found.every((each, index) => index === 0 || each === (found[index - 1] as number) + 1)
      const reaches = acknowledged === checkpoint || (found.at(-1) ?? -1) >= acknowledged - 1
      const isEarly = acknowledged === checkpoint || (found[0] ?? Number.POSITIVE_INFINITY) <= checkpoint
      if (!isJoined || !reaches || !isEarly || !areAsAppended(recovered.blocks) || recovered.end.state === 'damaged') {
        lost++
        t.fail(`seed ${seed} life ${life}: ${found.join()} of ${checkpoint} to ${acknowledged}, ${recovered.end.state}`)
      }
      // What was found is applied and synced, and counts from then on.
      offset = Math.max(acknowledged, (found.at(-1) ?? -1) + 1)
      acknowledged = offset
      checkpoint = offset
    }
  }
  t.equal(lost, 0)
  t.equal(seeds, Math.ceil(SEEDS / portion.of))
  t.equal(cuts, seeds * LIVES)
  // What so few came to in a portion is chance.
  if (portion.of === 1)
    t.ok(cuts > 1_000 && torn > 100 && enlarged > 1_000, `${cuts} cuts, ${torn} of them torn; ${enlarged} appends`)
})
