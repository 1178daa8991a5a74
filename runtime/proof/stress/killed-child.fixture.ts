/**
 * A process that says lines and is killed (SIGKILL): at a random moment, or by itself where it is told to die.
 *
 * The parent. Lines come by a pipe, whose bytes survive their writer. Bound: CHILD_MS for a process that does not come to its end.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { CrashPoint } from './crash-points.fixture.ts'

const CALLS = new URL('./crash-calls.fixture.js', import.meta.url)
/** Of the deaths at a random moment, those that come while the process starts and recovers. */
const EARLY_SHARE = 0.3
const EARLY_MS = 400
const LATE_MS = 600
/** Of a process that does not come to its point. */
const CHILD_MS = 10_000
const TROUBLE_CHARS = 2_000

export interface KilledChild {
  /** Module that the process runs. */
  readonly module: URL
  readonly args: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  hear(line: string): void
  /** When it is killed at the latest; undefined: it kills itself. */
  readonly moment?: Promise<unknown> | undefined
  /** How long it may live, in ms; default 10,000. */
  readonly lifeMs?: number
}

/** How a process has ended; `trouble` is what it wrote to stderr. */
export interface ChildEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly trouble: string
}

/** One process from its start to its death. */
export async function liveUntilKilled(one: KilledChild): Promise<ChildEnd> {
  const { module, args, env, hear, moment, lifeMs = CHILD_MS } = one
  const child = spawn(process.execPath, [fileURLToPath(module), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  let trouble = ''
  child.stderr.on('data', bytes => {
    trouble += bytes
  })
  createInterface({ input: child.stdout }).on('line', hear)
  const ended = new Promise<ChildEnd>(resolve =>
    child.once('close', (code, signal) => resolve({ code, signal, trouble: trouble.slice(0, TROUBLE_CHARS) })),
  )
  await Promise.race([moment ?? ended, ended, sleep(lifeMs, undefined, { ref: false })])
  child.kill('SIGKILL')
  return ended
}

export interface DrawnMoment {
  readonly how: 'early' | 'timer'
  readonly moment: Promise<unknown>
  /** The process has opened its broker, and begins. */
  begin(): void
}

/** A moment to kill a process at: while it opens, or after it has begun. */
export function drawMoment(earlyShare: number = EARLY_SHARE): DrawnMoment {
  if (Math.random() < earlyShare) return { how: 'early', moment: sleep(Math.random() * EARLY_MS), begin() {} }
  let begin = (): void => {}
  const begun = new Promise<void>(resolve => {
    begin = resolve
  })
  return { how: 'timer', moment: begun.then(() => sleep(Math.random() * LATE_MS)), begin }
}

/** The environment of a process that dies at a call of the file system; of any other point nothing. */
export function dyingAt(point: CrashPoint | undefined, file = ''): NodeJS.ProcessEnv {
  if (point?.call === undefined) return {}
  const nth = 1 + Math.floor(Math.random() * (point.among ?? 1))
  return { NODE_OPTIONS: `--import "${CALLS}?point=${point.name}&file=${file}&nth=${nth}"` }
}
