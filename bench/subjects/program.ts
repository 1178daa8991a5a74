/**
 * Subjects that are programs of their own: each run starts one, and takes its time from start to end and its processor time.
 *
 * Main thread. A program's last line of output is one of JSON that tells how many records it has handled.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { startStopwatch } from '../stopwatch.ts'
import type { Running, Spec, Subject } from '../subject.ts'

interface Program {
  readonly name: string
  /** The module, then its arguments for so many records. What it needs is made before the clock starts. */
  prepare(records: number): Promise<readonly string[]>
  /** The member of its line that has the number of records. */
  readonly counts: string
  /** Takes away what was made. */
  remove?(): void
}

const watch = new URL('../programs/cpu-at-exit.js', import.meta.url).href

export function programSubject(program: Program): Subject {
  return {
    name: program.name,
    supports: () => true,
    start: (_: Spec) => Promise.resolve(start(program)),
    total: (_, records) => records,
  }
}

function start({ prepare, counts, remove }: Program): Running {
  let handled = 0
  return {
    async run(records) {
      const args = await prepare(records)
      const elapsed = startStopwatch()
      const child: ChildProcess = spawn(process.execPath, ['--import', watch, ...args], {
        stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      })
      const outputs = [child.stdout, child.stderr, child.stdio[3]] as Readable[]
      const [[code], output = '', errors = '', cpuUs = ''] = await Promise.all([
        once(child, 'close') as Promise<[number | null]>,
        ...outputs.map(text),
      ])
      const seconds = elapsed()
      if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${errors}`)
      const { [counts]: count } = JSON.parse(output.trim().split('\n').at(-1) ?? '') as Record<string, number>
      handled += count ?? 0
      return { seconds, cpuSeconds: Number(cpuUs) / 1e6 }
    },
    async stop() {
      remove?.()
      return handled
    },
  }
}
