/**
 * Takes a given time for each message without using a processor, and writes down into shared memory when each call began and ended.
 *
 * Handler threads, each with a log of its own. Bound: CALLS_MAX calls a log; what is beyond it fails the handler.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { defineHandler } from '../../options/define.ts'
import type { QueueHandler } from '../../words/queue-handler.ts'
import { clockMs } from './stall-sampler.fixture.ts'

export const CALLS_MAX = 100_000

/** Columns of a log: a call's message, and what the clock and the waits of all threads were when it began and when it ended. */
const COLUMNS = 5

export interface Call {
  readonly message: number
  readonly beganMs: number
  readonly endedMs: number
  /** How long threads of this process had waited for a processor by then, added up. */
  readonly waitedAtBeginMs: number
  readonly waitedAtEndMs: number
}

export interface IdleData {
  readonly handlerMs: number
  readonly log: SharedArrayBuffer
}

/** How long the threads of this process have waited for a processor, added up; 0 where the system does not tell. */
function waitedMs(): number {
  let sum = 0
  try {
    for (const thread of readdirSync('/proc/self/task')) {
      try {
        sum += Number(readFileSync(`/proc/self/task/${thread}/schedstat`, 'latin1').split(' ')[1]) / 1e6
      } catch {
        // It has ended meanwhile.
      }
    }
  } catch {
    // Not Linux.
  }
  return sum
}

export function newLog(): SharedArrayBuffer {
  return new SharedArrayBuffer(8 * (1 + CALLS_MAX * COLUMNS))
}

export function callsOf(log: SharedArrayBuffer): Call[] {
  const words = new Float64Array(log)
  return Array.from({ length: words[0] as number }, (_, index) => {
    const [message = 0, beganMs = 0, waitedAtBeginMs = 0, endedMs = 0, waitedAtEndMs = 0] = words.subarray(
      1 + index * COLUMNS,
      1 + (index + 1) * COLUMNS,
    )
    return { message, beganMs, waitedAtBeginMs, endedMs, waitedAtEndMs }
  })
}

const nothing = new Int32Array(new SharedArrayBuffer(4))

const handler: QueueHandler<number, IdleData> = defineHandler<number, IdleData>({
  start: ({ data }) => data as IdleData,
  message({ value }, { handlerMs, log }) {
    const words = new Float64Array(log)
    const count = words[0] as number
    if (count === CALLS_MAX) throw new RangeError(`a log has room for ${CALLS_MAX} calls`)
    const row = words.subarray(1 + count * COLUMNS)
    row[0] = value
    row[1] = clockMs()
    row[2] = waitedMs()
    Atomics.wait(nothing, 0, 0, handlerMs)
    row[4] = waitedMs()
    row[3] = clockMs()
    words[0] = count + 1
  },
})

export default handler
