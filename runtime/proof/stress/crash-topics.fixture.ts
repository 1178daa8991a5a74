/** Brokers that are killed, and their topics, which parent and child open alike. Leaf, any thread. */

export interface CrashValue {
  readonly life: number
  readonly sequence: number
  readonly text: string
}

/**
 * Small files, so that many deaths find them being closed, turned, removed or written anew. Of `work` (`topic`) nothing may
 * be gone; of `kept` retention removes what is older; `born-LIFE` is made in that life, and gets `more` partitions. With one partition host, whose files
 * are known then.
 */
export const CRASHED = {
  topic: { partitions: 3, segmentBytes: 65_536, windowBytes: 65_536, maxMessageBytes: 4_096 },
  kept: { partitions: 1, segmentBytes: 65_536, windowBytes: 65_536, maxMessageBytes: 4_096, retentionBytes: 196_608 },
  born: { partitions: 1, segmentBytes: 65_536, windowBytes: 65_536, maxMessageBytes: 4_096 },
  more: 4,
  partitionThreads: 1,
  journalBytes: 131_072,
  keys: 8,
} as const
