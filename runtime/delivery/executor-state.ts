/**
 * What an executor of one delivery at a time is doing, and what may come after what. Pure.
 *
 * ```
 *   running ---> pending ---> running, held
 *      |  \----> held ------> running, confirming
 *      |  \----> confirming -> running
 *      v
 *    closed   (from every state; nothing comes after it)
 * ```
 *
 * `running`: deliveries go out in turns. `pending`: a promise of the handler, or of an output, is not settled. `held`:
 * the record at the reader waits for a verdict or a backoff. `confirming`: outputs, or a snapshot, are on their way, and
 * nothing is committed before they are there. `closed`: the partition is no longer this executor's.
 */
export type ExecutorState = 'running' | 'pending' | 'held' | 'confirming' | 'closed'

const NEXT: Readonly<Record<ExecutorState, readonly ExecutorState[]>> = {
  running: ['running', 'pending', 'held', 'confirming', 'closed'],
  pending: ['pending', 'running', 'held', 'closed'],
  held: ['held', 'running', 'confirming', 'closed'],
  confirming: ['running', 'closed'],
  closed: ['closed'],
}

/**
 * The state `to`, if it may follow `from`.
 *
 * @throws Error when it may not: the executor is broken, and its thread ends before it hands out what is not its own.
 */
export function entered(from: ExecutorState, to: ExecutorState): ExecutorState {
  if (NEXT[from].includes(to)) return to
  throw new Error(`broken invariant: an executor that is ${from} became ${to}`)
}
