/**
 * State, inputs and effects of a supervisor: the data that `supervisor.ts` steps through.
 *
 * Leaf module, any thread. Invariant: all of it survives structured clone.
 */

import { BACKOFF_DEFAULT, type BackoffOptions } from './backoff.ts'
import type { ExitReason } from './exit-reason.ts'

export type Strategy = 'oneForOne' | 'oneForAll' | 'restForOne'
export type RestartType = 'permanent' | 'transient' | 'temporary'

export interface ChildSpec {
  readonly id: string
  readonly restart: RestartType
  /** Place in the start order; equal places are peers. */
  readonly order: number
}

export interface SupervisorOptions {
  readonly strategy: Strategy
  /** Restarts allowed within `periodMs`. */
  readonly intensity: number
  readonly periodMs: number
  readonly backoff: BackoffOptions
}

/**
 * starting  start was emitted            running  started was heard
 * condemned to stop, not yet told        stopping told to stop
 * waiting   down, will start             down     down, will not start by itself
 */
export type ChildStatus = 'starting' | 'running' | 'condemned' | 'stopping' | 'waiting' | 'down'

export interface ChildState {
  readonly spec: ChildSpec
  readonly status: ChildStatus
  /** The one that lives or was last; 0 before the first start. */
  readonly incarnation: number
  /** State of a condemned or stopping child once it has exited. */
  readonly next: 'waiting' | 'down' | 'gone'
  /** Uncharged restarts since it last ran quietly. */
  readonly failures: number
  /** When `started` was heard for the living incarnation. */
  readonly startedAt: number | undefined
}

/** A restart of several children: once all have stopped, those `waiting` start `delayMs` later, on `trigger`'s timer. */
export interface GroupRestart {
  readonly trigger: string
  readonly delayMs: number
  readonly timed: boolean
}

export interface SupervisorState {
  readonly options: SupervisorOptions
  readonly phase: 'running' | 'stopping' | 'stopped'
  /** Children in increasing `order`, peers in the order in which they were added. */
  readonly children: readonly ChildState[]
  /** Times of counted restarts, oldest first. */
  readonly restarts: readonly number[]
  readonly group: GroupRestart | undefined
}

export type SupervisorInput =
  | { readonly kind: 'childAdded'; readonly spec: ChildSpec }
  /** Stops the child if it lives and forgets it. */
  | { readonly kind: 'childRemoved'; readonly id: string }
  | { readonly kind: 'started'; readonly id: string; readonly incarnation: number }
  | {
      readonly kind: 'exited'
      readonly id: string
      readonly incarnation: number
      readonly reason: ExitReason
      readonly charged: boolean
    }
  /** The time of a `startAfter` has come. */
  | { readonly kind: 'restartDue'; readonly id: string; readonly incarnation: number }
  | { readonly kind: 'stopAll' }

export interface Escalation {
  /** The child whose exit was one too many, and the reason of its exit. */
  readonly id: string
  readonly reason: ExitReason
  /** How many restarts within the period it would have made. */
  readonly restarts: number
  readonly periodMs: number
}

export type SupervisorEffect =
  | { readonly kind: 'start'; readonly id: string; readonly incarnation: number }
  /** Answer with `restartDue` of the same id and incarnation after `delayMs`. */
  | { readonly kind: 'startAfter'; readonly id: string; readonly incarnation: number; readonly delayMs: number }
  /** Answer with `exited` when it has. */
  | { readonly kind: 'stop'; readonly id: string; readonly incarnation: number }
  | { readonly kind: 'escalate'; readonly reason: Escalation }
  | { readonly kind: 'allStopped' }

export interface Step {
  readonly state: SupervisorState
  readonly effects: readonly SupervisorEffect[]
}

/** Defaults for omitted `SupervisorOptions`. */
export interface SupervisorDefaults {
  readonly strategy?: Strategy
  /** Default 10. */
  readonly intensity?: number
  /** Default 60,000. */
  readonly periodMs?: number
  readonly backoff?: Partial<BackoffOptions>
}

/** A supervisor without children. */
export function createSupervisor(options: SupervisorDefaults = {}): SupervisorState {
  return {
    options: {
      strategy: options.strategy ?? 'oneForOne',
      intensity: options.intensity ?? 10,
      periodMs: options.periodMs ?? 60_000,
      backoff: { ...BACKOFF_DEFAULT, ...options.backoff },
    },
    phase: 'running',
    children: [],
    restarts: [],
    group: undefined,
  }
}
