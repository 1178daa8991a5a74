/** The compiled program, as a user starts it, and what came of it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'

export const MAIN: string = fileURLToPath(new URL('./main.js', import.meta.url))

export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** What is a pipe otherwise. */
export interface Streams {
  /** Descriptors. */
  readonly input?: number
  readonly output?: number
}

export function start(
  cwd: string,
  args: readonly string[],
  { input, output }: Streams = {},
): { child: ChildProcess; outcome: Promise<Outcome> } {
  const child = spawn(process.execPath, [MAIN, ...args], { cwd, stdio: [input ?? 'pipe', output ?? 'pipe', 'pipe'] })
  const timer = setTimeout(() => child.kill('SIGKILL'), 120_000)
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  child.stdin?.on('error', () => {}) // It may end before it has read everything.
  const outcome = new Promise<Outcome>(resolve => {
    child.on('close', code => {
      clearTimeout(timer)
      resolve({ code, stdout, stderr })
    })
  })
  return { child, outcome }
}

export function millrace(cwd: string, args: readonly string[], input = ''): Promise<Outcome> {
  const { child, outcome } = start(cwd, args)
  child.stdin?.end(input)
  return outcome
}

export function parsed<T>(ndjson: string): T[] {
  return ndjson
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as T)
}

/** A descriptor for a child, closed with the test. */
export function openIn(t: Test, path: string, flags: string): number {
  const descriptor = openSync(path, flags)
  t.teardown(() => closeSync(descriptor))
  return descriptor
}

/** Waits until `condition` holds, for as long as the program runs: `start` ends one that does not. */
export async function until(child: ChildProcess, condition: () => boolean): Promise<void> {
  while (!condition()) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('the program has ended before')
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}
