/** Streams on disk. */
import { sequentialWrite } from '../rivals/sequential-write.ts'
import { millrace, millraceFsync, millraceOs } from '../subjects/millrace.ts'
import type { Suite } from '../suite.ts'

export const durableSuite: Suite = {
  hops: 2,
  // A group that falls out of the window reads files: other code, which is cold for longer.
  effort: { warmUpSeconds: 2, runSeconds: 1.5 },
  cases: [
    {
      name: 'durable',
      about: 'main to four partitions on disk to handlers, 512 records at a time; sequential-write: the disk alone',
      subjects: [millraceFsync, millraceOs, millrace, sequentialWrite],
      payloads: ['100'],
    },
    {
      name: 'durable-paced',
      about: '100,000 records a second, each awaited; measured from when it was due to its receipt',
      subjects: [millraceFsync, millraceOs, millrace],
      payloads: ['100'],
      records: 100_000,
    },
  ],
}
