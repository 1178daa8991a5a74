/** What more partitions cost: batches of 512 over 1 to 256 of them. */
import { withPartitions } from '../subjects/millrace.ts'
import type { Suite } from '../suite.ts'

export const partitionsSuite: Suite = {
  hops: 2,
  cases: [
    {
      name: 'partitions',
      about: 'eachBatch of suite pipeline over so many partitions, relative to four',
      subjects: [12, 1, 4, 16, 64, 256].map(withPartitions),
      payloads: ['64'],
      warmUps: 2,
    },
  ],
}
