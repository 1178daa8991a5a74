/**
 * Drives a supervisor: gives it what happened, and carries out what it asks for, with a clock and timers.
 *
 * The control thread. It decides nothing.
 */

import { BACKOFF_DEFAULT } from '../../actors/backoff.ts'
import type { ExitReason } from '../../actors/exit-reason.ts'
import { step } from '../../actors/supervisor.ts'
import {
  createSupervisor,
  type Escalation,
  type SupervisorDefaults,
  type SupervisorEffect,
  type SupervisorInput,
  type SupervisorState,
} from '../../actors/supervisor-state.ts'
import { clearTimeout, nowMs, random, setTimeout } from '../../actors/world.ts'

export interface Supervised {
  start(id: string, incarnation: number): void
  stop(id: string): void
  escalate(escalation: Escalation): void
}

export class SupervisorShell {
  #state: SupervisorState
  readonly #supervised: Supervised
  readonly #timers = new Set<NodeJS.Timeout>()

  constructor(options: SupervisorDefaults, supervised: Supervised) {
    const { intensity = 10, periodMs = 60_000 } = options
    // Longer delays would spread the restarts so far that their intensity is never passed: a loop of crashes for ever.
    const maxMs = Math.min(BACKOFF_DEFAULT.maxMs, periodMs / (4 * (intensity + 1)))
    this.#state = createSupervisor({ ...options, backoff: { maxMs, ...options.backoff } })
    this.#supervised = supervised
  }

  add(id: string, order: number): void {
    this.#step({ kind: 'childAdded', spec: { id, restart: 'permanent', order } })
  }

  started(id: string, incarnation: number): void {
    this.#step({ kind: 'started', id, incarnation })
  }

  /** Whether it is started again: at once, or when its backoff is over. */
  exited(id: string, incarnation: number, reason: ExitReason, charged: boolean): boolean {
    const effects = this.#step({ kind: 'exited', id, incarnation, reason, charged })
    return effects.some(effect => effect.kind === 'start' || effect.kind === 'startAfter')
  }

  stopAll(): void {
    this.#step({ kind: 'stopAll' })
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
  }

  #step(input: SupervisorInput): readonly SupervisorEffect[] {
    const { state, effects } = step(this.#state, input, nowMs(), random)
    this.#state = state
    for (const effect of effects) {
      switch (effect.kind) {
        case 'start':
          this.#supervised.start(effect.id, effect.incarnation)
          break
        case 'startAfter': {
          const { id, incarnation, delayMs } = effect
          const timer = setTimeout(() => {
            this.#timers.delete(timer)
            this.#step({ kind: 'restartDue', id, incarnation })
          }, delayMs)
          this.#timers.add(timer)
          break
        }
        case 'stop':
          this.#supervised.stop(effect.id)
          break
        case 'escalate':
          this.#supervised.escalate(effect.reason)
          break
        case 'allStopped':
          break
      }
    }
    return effects
  }
}
