/**
 * How long lines may be, and how much shared memory a run takes for the worst of them. Pure.
 *
 * The memory is LIMIT_BYTES at most, whatever the options. With very many partitions or threads, lines must be shorter
 * instead. Each partition of the records needs a window of two longest lines, the group's state, and the ring of this
 * thread. For a longest line that ring grows to four times the line, beside the ring before it. Each handler thread has
 * such a ring for its results.
 */
export interface MemoryNeed {
  /** Bytes of a whole record: the line, its key and its number. */
  readonly lineBytesMax: number
  /** Window of a partition of the records, and of the results. */
  readonly windowBytes: number
  readonly memoryBytes: number
}

const MIB = 1_048_576
/** Memory of a broker at most. */
const LIMIT_BYTES = 2_048 * MIB - 65_536
/** It is virtual until it is used. */
const USUAL_BYTES = 512 * MIB
/** Dead letters, and the broker's own. */
const OTHER_BYTES = 64 * MIB
const LINE_BYTES = MIB
const LINE_BYTES_LEAST = 65_536
/** A ring before it grows, where there are few partitions; and where there are more than a few. */
const RING_BYTES = MIB / 2
const FEW = 16
const RING_OF_MANY_BYTES = MIB / 8
/** State of a group and its reader in a partition; links and slots of a thread. */
const STATE_BYTES = MIB / 16
const THREAD_BYTES = MIB / 2

export function memoryNeed(partitions: number, threads: number): MemoryNeed {
  const ring = partitions > FEW ? RING_OF_MANY_BYTES : RING_BYTES
  for (let line = LINE_BYTES; ; line /= 2) {
    const windowBytes = 2 * line
    const grown = 6 * line
    const bytes =
      OTHER_BYTES +
      windowBytes +
      partitions * (windowBytes + ring + grown + STATE_BYTES) +
      threads * (RING_BYTES + grown + THREAD_BYTES)
    if (bytes > LIMIT_BYTES && line > LINE_BYTES_LEAST) continue
    return { lineBytesMax: line, windowBytes, memoryBytes: Math.min(Math.max(bytes, USUAL_BYTES), LIMIT_BYTES) }
  }
}
