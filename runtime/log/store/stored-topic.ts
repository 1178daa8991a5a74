/** What the log needs to know of a topic. Types only. */

/** What the log needs to know of a topic. An id is never given to a second topic. */
export interface StoredTopic {
  /** Its id. */
  readonly topic: number
  /** What appended records survive: `os` the process, `fsync` a loss of power too. */
  readonly durability: 'os' | 'fsync'
  readonly segmentBytes: number
  readonly frameBytesMax: number
  /** Limits of each partition; null: none. */
  readonly retention: { readonly bytesMax: number | null; readonly ageMaxMs: number | null }
}
