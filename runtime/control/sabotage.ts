/** Ends a handler's thread in a phase that a test asks for. Tests only; the control thread. */

import type { Memory } from 'sharedarraybuffer-ring'
import { nowMs, setTimeout } from '../../actors/world.ts'
import type { SabotageAim, SabotageReport } from '../wire/control-calls.ts'
import { PHASE, type Phase, THREAD_HALT, THREAD_PHASE } from '../wire/layout.ts'
import type { CrewThread } from './crew.ts'

/** As long as this is waited for a thread to come to the phase in which it is to be ended. */
const HALT_MS_MAX = 2_000

const after = (ms: number): Promise<unknown> => new Promise(resolve => setTimeout(resolve, ms))

/** Kills the thread there, if it can in the phase `aim`, and says what it was doing when it died; null: there is none. */
export async function sabotage(
  memory: Memory,
  place: CrewThread | undefined,
  aim: SabotageAim,
): Promise<SabotageReport | null> {
  if (place === undefined) return null
  const starting = aim === 'starting'
  for (let waited = 0; waited < 200 && (place.life === null || (aim !== 'any' && place.isUp === starting)); waited++)
    await after(5)
  const { life, isUp } = place
  if (life === null) return null
  const { address } = life.thread.place
  const word = address + THREAD_PHASE
  if (aim !== 'any' && !starting) {
    memory.store(address + THREAD_HALT, PHASE[aim] + 1)
    // The word is stored before the thread stands still in it.
    for (const until = nowMs() + HALT_MS_MAX; memory.load(word) !== PHASE[aim] && nowMs() < until; ) await after(1)
  }
  life.kill('a test ended it')
  await life.exited
  const phase = (Object.keys(PHASE) as Phase[]).find(name => PHASE[name] === memory.load(word)) ?? 'starting'
  return { phase: isUp ? phase : 'starting', executing: life.isCharged }
}
