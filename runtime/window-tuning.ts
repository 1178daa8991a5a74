/** How windows of partitions on disk are at rest, and how often it is looked whether they may be. */
export interface WindowTuning {
  /** A power of two. */
  readonly bytes: number
  readonly lookMs: number
}

/** 16,000 partitions at rest, half of them for dead letters, take a quarter of the default memory of a broker. */
export const WINDOWS: WindowTuning = { bytes: 8_192, lookMs: 1_000 }
