/**
 * The producers of cases that await each record: one after the other, windows of 1,000 awaited together, or so many a second.
 *
 * Main thread. At most one window is in flight. Every 16th record's time to its receipt is sampled, so that the clock
 * is not what is measured; within a window that time is mostly the records before it.
 */
export const windowRecords = 1_000

const sampledEach = 16

/** Records a second that the paced producer offers. */
const pacePerSecond = 100_000
const paceStepMs = 1

/** Records that are not answered yet, at most: below what a thread lets wait when its topic is full. */
const unansweredMax = 8_000

/**
 * As many records as are due each millisecond, whether or not those before are answered, up to a bound; every 16th is timed,
 * from when it was due, so that a producer that is held up does not hide what it waits for.
 */
export async function publishPaced(records: number, publish: (record: number) => Promise<unknown>): Promise<number[]> {
  const latenciesUs: number[] = []
  const receipts: Promise<unknown>[] = []
  const startMs = performance.now()
  let unanswered = 0
  const answered = (record: number): void => {
    unanswered--
    if (record % sampledEach === 0)
      latenciesUs.push((performance.now() - startMs - (record * 1_000) / pacePerSecond) * 1_000)
  }
  for (let record = 0; record < records; ) {
    const due = Math.min(records, Math.floor(((performance.now() - startMs) * pacePerSecond) / 1_000))
    for (; record < due && unanswered < unansweredMax; record++) {
      const published = record
      unanswered++
      receipts.push(publish(published).then(() => answered(published)))
    }
    await new Promise(resolve => setTimeout(resolve, paceStepMs))
  }
  await Promise.all(receipts)
  return latenciesUs
}

/** Each is awaited before the next is published; every time is taken. */
export async function publishOneByOne(
  records: number,
  publish: (record: number) => Promise<unknown>,
): Promise<Float64Array> {
  const latenciesUs = new Float64Array(records)
  for (let record = 0; record < records; record++) {
    const startMs = performance.now()
    await publish(record)
    latenciesUs[record] = (performance.now() - startMs) * 1_000
  }
  return latenciesUs
}

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
