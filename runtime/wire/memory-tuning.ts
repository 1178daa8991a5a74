/** How a broker shares out its memory. Tests make it small. */
export interface MemoryTuning {
  /** Bytes of the window of a partition on disk at rest; a power of two. */
  readonly restBytes: number
  /** How often it is looked whether those that are larger may be small again. */
  readonly lookMs: number
  /** Whether it is as if memory were short from the start. */
  readonly isShort: boolean
}

/** 16,000 partitions at rest, half of them for dead letters, take a quarter of the default memory of a broker. */
export const MEMORY_TUNING: MemoryTuning = { restBytes: 8_192, lookMs: 1_000, isShort: false }
