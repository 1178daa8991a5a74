import t from 'tap'
import { memoryNeed } from './memory-need.ts'

const MIB = 1_048_576

t.test('a run of usual size has room for lines of a mebibyte', async t => {
  t.match(memoryNeed(12, 3), { lineBytesMax: MIB, windowBytes: 2 * MIB, memoryBytes: 512 * MIB })
  t.match(memoryNeed(200, 8), { lineBytesMax: MIB })
})

t.test('no choice of partitions and threads needs more than there is: lines are less long instead', async t => {
  for (const partitions of [1, 2, 12, 64, 65, 240, 396, 397, 512, 1_024]) {
    let last = Number.POSITIVE_INFINITY
    for (const threads of [1, 2, 8, 64, 256]) {
      const { lineBytesMax, windowBytes, memoryBytes } = memoryNeed(partitions, threads)
      if (memoryBytes > 2_048 * MIB - 65_536 || lineBytesMax > last || lineBytesMax < 65_536)
        t.fail(`${partitions} partitions, ${threads} threads: ${lineBytesMax} in ${memoryBytes}`)
      // The partitions' windows, the grown rings of this thread, and those of each handler's.
      const least = partitions * (windowBytes + 4 * lineBytesMax + 131_072) + threads * 4 * lineBytesMax
      if (least > memoryBytes) t.fail(`${partitions} partitions, ${threads} threads: ${least} of ${memoryBytes}`)
      last = lineBytesMax
    }
  }
  t.match(memoryNeed(1_024, 256), { lineBytesMax: 131_072 })
})
