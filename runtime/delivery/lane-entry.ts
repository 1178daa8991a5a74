/**
 * A record of a lane, with how it stands. Types only; who changes it is lane.ts.
 *
 * ```
 *            next           settle
 *   waiting ------> out -------------> settled   (the prefix of settled records is what may be committed)
 *      ^  ^          | fail        ^
 *      |  |  release |             | settle
 *      |  +----------+             |
 *      |   due            judge    |
 *      +---------- parked <----- judged
 * ```
 */

export type Stage = 'waiting' | 'out' | 'judged' | 'parked' | 'settled'

export interface LaneEntry<P> {
  readonly offset: number
  readonly key: string | null
  readonly payload: P
  stage: Stage
  failedAttempts: number
  /** Hand-outs so far. */
  deliveryAttempt: number
  notBeforeMs: number
  /** Of a batch that failed and is tried again in parts: its part; 0: none. */
  cohort: number
  /** The hand-out that it is in, if it is out. */
  pick: number
  /** Whether it is in the list of those that may go. */
  listed: boolean
}

/** What was known of a record before it was read. */
export interface Known {
  readonly failedAttempts: number
  readonly deliveryAttempt: number
  readonly notBeforeMs: number
  readonly settled: boolean
  /** It is judged already, and what follows is still to be told. */
  readonly dying: boolean
  /** It was out when its thread died, and could not be charged. */
  readonly suspect: boolean
}
