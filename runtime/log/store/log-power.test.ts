/** The power is lost between any two operations of a retention, and whatever was not durable is there or not, by chance. */
import t from 'tap'
import { MemoryDisk, PowerLoss } from '../disk/memory-disk.fixture.ts'
import { appendFrame, FOLDER, SETTINGS } from '../format/log-frames.fixture.ts'
import { PartitionLog } from './partition-log.ts'

/** Numbers from 0 to 1, by seed. */
function chanceOf(seed: number): () => number {
  let state = seed | 1
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    return (state >>> 8) / 2 ** 24
  }
}

// Source: https://github.com/nats-io/nats-server/issues/6778
// Source: https://github.com/nats-io/nats-server/issues/6881
t.test('the power is lost while retention removes all but the last segment, whose name is not durable yet', async t => {
  let losses = 0
  let removed = 0
  for (let fuse = 0; fuse < 12; fuse++) {
    for (let seed = 1; seed <= 20; seed++) {
      const disk = new MemoryDisk()
      const log = PartitionLog.open(disk, FOLDER, SETTINGS, 0)
      appendFrame(log, 1, 1, 1000)
      log.sync()
      const synced = log.endOffset
      for (const size of [873, 1793, 993, 1793, 1793]) appendFrame(log, 1, size, 1000)
      disk.fuse = fuse
      try {
        log.retain({ bytesMax: 0 })
      } catch (error) {
        if (!(error instanceof PowerLoss)) throw error
        losses++
      }
      const again = PartitionLog.open(disk.losePower(chanceOf(seed * 7_919)), FOLDER, SETTINGS, synced)
      if (again.startOffset > 0) removed++
      if (again.endOffset < synced) t.fail(`fuse ${fuse}, seed ${seed}: the log ends at ${again.endOffset}`)
    }
  }
  t.ok(losses > 50 && removed > 20, `${losses} losses, ${removed} removals`)
})
