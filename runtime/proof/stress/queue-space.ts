/**
 * A work queue on disk gives its disk back: one message is unacked for ever, while many pass.
 *
 *   node dist/runtime/proof/stress/queue-space.js [--mb 500] [--segment-kb 1024] [--durability os|fsync]
 *
 * One consumer has the first message and keeps it; another handles all that follow. The size of the queue's files is sampled together with the
 * bytes of what is not settled. Fails when its peak is more than four times the peak of those and two segments, or when a message
 * is lost or comes twice.
 */
import { parseArgs } from 'node:util'
import { measureSpace } from './queue-space.fixture.ts'

const MIB = 1_048_576

const { values } = parseArgs({
  options: {
    mb: { type: 'string', default: '500' },
    'segment-kb': { type: 'string', default: '1024' },
    durability: { type: 'string', default: 'os' },
  },
})

const segmentBytes = Number(values['segment-kb']) * 1_024
const report = await measureSpace({
  bytes: Number(values.mb) * MIB,
  segmentBytes,
  durability: values.durability as 'os' | 'fsync',
})
const { problems, passedBytes, diskMost, liveMost, diskAtEnd, samples, seconds } = report
for (const problem of problems) console.log(`FAILED ${problem}`)
const mib = (bytes: number): string => (bytes / MIB).toFixed(1)
console.log(
  `${mib(passedBytes)} MiB passed in ${seconds.toFixed(0)} s; disk at most ${mib(diskMost)} MiB, at the end ${mib(diskAtEnd)}; ` +
    `not settled at most ${mib(liveMost)} MiB; ${samples} samples: ${problems.length} problems`,
)
if (problems.length > 0) process.exitCode = 1
