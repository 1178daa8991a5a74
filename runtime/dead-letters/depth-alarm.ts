/**
 * Whether dead letters pile up: says so once when a topic holds as many as the threshold, or a partition of it is half full of
 * them, and once when it is over.
 *
 * Pure. Over is at half of either, so that a depth which trembles around it is no stream of events.
 */
import type { PartitionId } from '../words/quantities.ts'

/** The letters of one partition. */
export interface Depth {
  /** Open letters. */
  readonly depth: number
  /** How much of its room they take, 0 to 1. */
  readonly filled: number
}

/** By dead-letter topic. */
export interface DepthState {
  readonly depths: ReadonlyMap<number, Depth>
  readonly raised: boolean
}

export interface DepthStep {
  readonly state: DepthState
  /** What is to be said, if anything: all its letters, and its fullest partition. */
  readonly said: (Depth & { readonly rising: boolean }) | null
}

export const NO_DEPTH: DepthState = { depths: new Map(), raised: false }

/** Of a partition's room. */
const FILLED_MAX = 0.5

/** A partition has these letters now. `threshold` is 1 or more; Infinity: nothing is ever said. */
export function stepDepth(state: DepthState, partition: PartitionId, depth: Depth, threshold: number): DepthStep {
  const depths = new Map(state.depths).set(partition, depth)
  let total = 0
  let filled = 0
  for (const each of depths.values()) {
    total += each.depth
    filled = Math.max(filled, each.filled)
  }
  const share = Math.max(total / threshold, threshold === Number.POSITIVE_INFINITY ? 0 : filled / FILLED_MAX)
  const raised = state.raised ? share > 1 / 2 : share >= 1
  const said = raised === state.raised ? null : { depth: total, filled, rising: raised }
  return { state: { depths, raised }, said }
}
