/**
 * Gives a subject a temporary folder for its files, a new one for each round.
 *
 * Main thread. The folder goes when the subject has stopped.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Running } from '../subject.ts'

export async function inFolder(start: (dir: string) => Promise<Running>): Promise<Running> {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  const running = await start(dir)
  return {
    run: records => running.run(records),
    async stop() {
      try {
        return await running.stop()
      } finally {
        rmSync(dir, { recursive: true })
      }
    },
  }
}
