/**
 * Why a host's thread ended: data, never a throw.
 *
 * Leaf module, any thread. Invariant: a reason is structured-cloneable.
 */

import type { WireError } from './error-wire.ts'

/** Why one incarnation of a host ended. */
export type ExitReason =
  /** The behaviour returned. */
  | { readonly kind: 'normal' }
  /** The behaviour threw, or its thread had an uncaught error or rejection. */
  | { readonly kind: 'error'; readonly error: WireError }
  /** `process.exit(code)` in the thread, 0 too. */
  | { readonly kind: 'exit'; readonly code: number }
  /** The heap passed its `resourceLimits`. */
  | { readonly kind: 'outOfMemory' }
  /** Terminated by its owner; `why` is the argument of `kill`. */
  | { readonly kind: 'killed'; readonly why: string }
  /** The behaviour never ran: its module did not load, has no `behave`, or its data cannot be cloned. */
  | { readonly kind: 'loadFailed'; readonly error: WireError }
  /** Requested to end and still running after the allowed time: fenced and abandoned. `after` is the reason for the end. */
  | { readonly kind: 'zombie'; readonly after: Exclude<ExitReason, { readonly kind: 'zombie' }> }

/** Answer of the boot module about a behaviour that ended without ending its thread. */
export type Outcome = Extract<ExitReason, { readonly kind: 'normal' | 'error' | 'loadFailed' }>

/** All that was seen of an ending thread. */
export interface ExitEvidence {
  /** The boot module's answer, when the behaviour ended first. */
  readonly outcome?: Outcome
  /** The worker's 'error' event. */
  readonly crash?: WireError
  /** Argument of `kill`. */
  readonly killedWhy?: string
  /** The worker's exit code; undefined while it has not exited. */
  readonly code?: number
}

/**
 * The one reason that the evidence supports. The thread's own notice comes first: a thread that crashed in the moment
 * it was killed did crash. `terminate` itself causes neither an answer nor an 'error' event.
 */
export function classify(evidence: ExitEvidence): Exclude<ExitReason, { readonly kind: 'zombie' }> {
  if (evidence.crash !== undefined) {
    return evidence.crash.code === 'ERR_WORKER_OUT_OF_MEMORY'
      ? { kind: 'outOfMemory' }
      : { kind: 'error', error: evidence.crash }
  }
  if (evidence.outcome !== undefined) return evidence.outcome
  if (evidence.killedWhy !== undefined) return { kind: 'killed', why: evidence.killedWhy }
  return { kind: 'exit', code: evidence.code ?? 0 }
}

/** Whether a 'transient' child that ended so is to stay down. */
export function isNormal(reason: ExitReason): boolean {
  return reason.kind === 'normal'
}

function sayError(error: WireError): string {
  return `${error.name}${error.code === undefined ? '' : ` [${error.code}]`}: ${error.message}`
}

/** The reason in words, for logs and error messages; a part of a sentence. */
export function describe(reason: ExitReason): string {
  switch (reason.kind) {
    case 'normal':
      return 'returned'
    case 'error':
      return `threw ${sayError(reason.error)}`
    case 'exit':
      return `called process.exit(${reason.code})`
    case 'outOfMemory':
      return 'ran out of memory (its heap limit)'
    case 'killed':
      return `was ended: ${reason.why}`
    case 'loadFailed':
      return `could not be loaded: ${sayError(reason.error)}`
    case 'zombie':
      return `does not end and was abandoned after it ${describe(reason.after)}`
  }
}
