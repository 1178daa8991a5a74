/**
 * A work queue on disk with one message whose handler ends the whole process, by `process.abort()`, and a hundred others.
 *
 * The parent starts one process after the other until one has emptied the queue. It hears of each message that is begun and handled. Bound:
 * LIVES_MAX processes.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Durability } from '../../words/message.ts'
import { liveUntilKilled } from './killed-child.fixture.ts'

const CHILD = new URL('./queue-poison-child.fixture.js', import.meta.url)
export const POISONED = { queue: 'poisoned', messages: 100, poison: 37 } as const
/** Beside others, twice; alone, twice; and the process that lives. */
const LIVES_MAX = 5
const LIFE_MS = 60_000

export interface PoisonRound {
  readonly lives: number
  readonly problems: readonly string[]
}

/** One folder, from its first process to the one that has emptied the queue. */
export async function poisonQueue(durability: Durability): Promise<PoisonRound> {
  const dir = mkdtempSync(join(tmpdir(), 'millrace-queue-poison-'))
  const problems: string[] = []
  const handled = new Map<number, number>()
  const letters: string[] = []
  let [lives, isEmpty] = [0, false]
  const hear = (line: string): void => {
    const [word, message, failed, reason] = line.split(' ')
    if (word === 'b' && Number(failed) > 0 && Number(message) !== POISONED.poison)
      problems.push(`message ${message} has ${failed} failures in life ${lives}`)
    else if (word === 'e') handled.set(Number(message), (handled.get(Number(message)) ?? 0) + 1)
    else if (word === 'l') letters.push(`${message} ${reason}`)
    else if (word === 'empty') isEmpty = true
  }
  while (!isEmpty && problems.length === 0) {
    if (++lives > LIVES_MAX) {
      problems.push(`the queue is not empty after ${LIVES_MAX} lives`)
      break
    }
    const args = [dir, durability, `${lives}`]
    const { code, signal, trouble } = await liveUntilKilled({ module: CHILD, args, hear, lifeMs: LIFE_MS })
    if (signal !== 'SIGABRT' && !isEmpty) problems.push(`life ${lives} ended with ${code ?? signal}: ${trouble}`)
  }
  if (problems.length === 0) {
    for (let message = 0; message < POISONED.messages; message++)
      if (message !== POISONED.poison && !handled.has(message)) problems.push(`message ${message} was never handled`)
    if (letters.join() !== `${POISONED.poison} crashed`) problems.push(`the dead letters are: ${letters.join()}`)
  }
  if (problems.length === 0) rmSync(dir, { recursive: true })
  else process.stderr.write(`the folder is kept: ${dir}\n`)
  return { lives, problems }
}
