/**
 * Tells the operator of a simulation when a group has something under way: it is to be stopped just then.
 *
 * The simulated main thread hears of it a moment later, whichever thread it happens on.
 */
import { clearTimeout, setTimeout } from '../../../actors/world.ts'
import type { Lab, Point } from './lab.ts'
import type { FaultKind, Plan } from './plan.ts'
import { EVENT, type SimThread } from './scheduler.ts'

const FAULT_OF: { readonly [P in Point]: FaultKind } = {
  verdict: 'stopAtVerdict',
  output: 'stopAtOutput',
  snapshot: 'stopAtSnapshot',
}

/** What a group has under way, and the fault that is to befall it. */
export interface Met {
  readonly group: string
  readonly fault: FaultKind
}

export class Interruptions {
  /** Called with what was met, while the operator waits. */
  #wake: ((met: Met) => void) | null = null

  constructor({ faults, groups }: Plan, lab: Lab, main: SimThread) {
    const { scheduler } = lab
    lab.onPoint = (point, group) => {
      const fault = FAULT_OF[point]
      if (this.#wake === null || !faults.has(fault) || !groups.some(({ name }) => name === group)) return
      const delayMs = scheduler.chance.next() * scheduler.chance.pick([0.05, 0.5, 5])
      scheduler.plan(main, delayMs, EVENT.act, () => this.#wake?.({ group, fault }))
    }
  }

  /** What is met first; null: nothing for so long. */
  next(withinMs: number): Promise<Met | null> {
    return new Promise(resolve => {
      const done = (met: Met | null): void => {
        this.#wake = null
        clearTimeout(timer)
        resolve(met)
      }
      const timer = setTimeout(() => done(null), withinMs)
      this.#wake = done
    })
  }
}
