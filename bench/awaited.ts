/**
 * The producer of case `awaited`: one promise per record, windows of 1,000 awaited together.
 *
 * Main thread. At most one window is in flight. Every 16th record's time to its receipt is sampled, so that the clock
 * is not what is measured; within a window that time is mostly the records before it.
 */
export const windowRecords = 1_000

const sampledEach = 16

/** `flush`, if given, is called when a window is complete, before it is awaited. */
export async function publishAwaited(
  records: number,
  publish: (record: number) => Promise<unknown>,
  flush?: () => void,
): Promise<number[]> {
  const latenciesUs: number[] = []
  for (let first = 0; first < records; first += windowRecords) {
    const last = Math.min(first + windowRecords, records)
    const receipts: Promise<unknown>[] = []
    for (let record = first; record < last; record++) {
      if (record % sampledEach !== 0) {
        receipts.push(publish(record))
        continue
      }
      const startMs = performance.now()
      receipts.push(
        publish(record).then(() => {
          latenciesUs.push((performance.now() - startMs) * 1000)
        }),
      )
    }
    flush?.()
    await Promise.all(receipts)
  }
  return latenciesUs
}
