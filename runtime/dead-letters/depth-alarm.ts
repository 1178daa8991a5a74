/**
 * Whether dead letters pile up: says so once when a topic holds as many as the threshold, and once when it is over.
 *
 * Pure. Over is at half the threshold, so that a depth which trembles around it is no stream of events.
 */

/** By dead-letter topic. */
export interface DepthState {
  /** Open letters by partition. */
  readonly depths: ReadonlyMap<number, number>
  readonly raised: boolean
}

export interface DepthStep {
  readonly state: DepthState
  /** What is to be said, if anything. */
  readonly said: { readonly depth: number; readonly rising: boolean } | null
}

export const NO_DEPTH: DepthState = { depths: new Map(), raised: false }

/** A partition has this many open letters now. `threshold` is 1 or more; Infinity: nothing is ever said. */
export function stepDepth(state: DepthState, partition: number, depth: number, threshold: number): DepthStep {
  const depths = new Map(state.depths).set(partition, depth)
  let total = 0
  for (const each of depths.values()) total += each
  const raised = state.raised ? total > threshold / 2 : total >= threshold
  const said = raised === state.raised ? null : { depth: total, rising: raised }
  return { state: { depths, raised }, said }
}
