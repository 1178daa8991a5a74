/** The compiled program, as a user starts it, and what came of it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url))

export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export function start(cwd: string, args: readonly string[]): { child: ChildProcess; outcome: Promise<Outcome> } {
  const child = spawn(process.execPath, [MAIN, ...args], { cwd, stdio: 'pipe' })
  const timer = setTimeout(() => child.kill('SIGKILL'), 120_000)
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  child.stdin.on('error', () => {}) // It may end before it has read everything.
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
