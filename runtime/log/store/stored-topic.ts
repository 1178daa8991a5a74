/** The log's knowledge of a topic. Types only. */

/** The log's knowledge of a topic. An id is never given to a second topic. */
export interface StoredTopic {
  /** Id of the topic. */
  readonly topic: number
  /** Durability of appended records: `os` survives the process, `fsync` a loss of power too. */
  readonly durability: 'os' | 'fsync'
  readonly segmentBytes: number
  readonly frameBytesMax: number
  /** Limits of each partition; null: none. */
  readonly retention: { readonly bytesMax: number | null; readonly ageMaxMs: number | null }
}
