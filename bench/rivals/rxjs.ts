/**
 * Rival `rxjs`: a Subject, split by key into four Subjects, each with a handler; all on the main thread.
 *
 * No thread is crossed and no byte copied: it shows what an in-process stream costs, and that the handler's work then
 * stays on the caller's thread. The handler acknowledges synchronously, so nothing queues up; every 1,024 records the
 * producer gives the event loop a turn.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { Subject as Stream } from 'rxjs'
import { type Order, sumBytes } from '../checks.ts'
import { startStopwatch } from '../stopwatch.ts'
import type { Running, Spec, Subject } from '../subject.ts'
import { partitions } from '../workload.ts'

const turnRecords = 1_024

interface StreamRecord {
  readonly key: string
  readonly value: Uint8Array | Order
}

export const rxjs: Subject = {
  name: 'rxjs',
  note: 'same thread, no copy, no serialisation',
  supports: spec => spec.caseName !== 'awaited',
  start,
}

async function start({ workload }: Spec): Promise<Running> {
  let sum = 0
  const source = new Stream<StreamRecord>()
  const streams = Array.from({ length: partitions }, () => {
    const stream = new Stream<StreamRecord>()
    stream.subscribe(({ value }) => {
      sum += value instanceof Uint8Array ? sumBytes(value, 0, value.length) : value.amount
    })
    return stream
  })
  source.subscribe(record => streams[hash(record.key) % partitions]?.next(record))
  return {
    async run(records) {
      const elapsed = startStopwatch()
      for (let i = 0; i < records; i++) {
        source.next({ key: workload.key(i), value: workload.value(i) })
        if (i % turnRecords === turnRecords - 1) await turn()
      }
      return { seconds: elapsed() }
    },
    async stop() {
      source.complete()
      return sum
    },
  }
}

/** Source: FNV-1a, over char codes. */
function hash(key: string): number {
  let state = 0x811c9dc5
  for (let i = 0; i < key.length; i++) state = Math.imul(state ^ key.charCodeAt(i), 0x01000193)
  return state >>> 0
}
