/**
 * The disk alone: one thread writes the keys and values, one after the other, to a file, a mebibyte at a time.
 *
 * Main thread, synchronous; no sync at the end, as for topics that survive the process only. Records are made as for
 * everybody else, before the clock runs: what is timed is the writing.
 */
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startStopwatch } from '../stopwatch.ts'
import type { Subject } from '../subject.ts'
import { keyBytes } from '../workload.ts'

const writeBytes = 1_048_576

export const sequentialWrite: Subject = {
  name: 'sequential-write',
  supports: ({ caseName }) => caseName === 'durable',
  async start({ workload }) {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
    const file = openSync(join(folder, 'records'), 'w')
    const recordBytes = keyBytes + workload.payloadBytes
    const buffer = Buffer.alloc(writeBytes, 'x')
    let total = 0
    let position = 0
    return {
      async run(records) {
        total += workload.total(records)
        const elapsed = startStopwatch()
        for (let left = records * recordBytes; left > 0; ) {
          const written = writeSync(file, buffer, 0, Math.min(left, writeBytes), position)
          left -= written
          position += written
        }
        return { seconds: elapsed() }
      },
      async stop() {
        closeSync(file)
        rmSync(folder, { recursive: true })
        return total
      },
    }
  },
}
