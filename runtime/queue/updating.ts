/**
 * A message that waits gets another priority, another time, or another time to live.
 *
 * The partition host's thread. Pure. A new priority leaves a message at its place: in the order of its offset or of its fall due, in the list of
 * its key, and in the order of turns. A new delay takes one that is ready, or that waits for its turn of its key, out of the queue: it is
 * scheduled as one that was sent with that delay. So it gives up its turn, and comes behind what is there when it falls due. One that waits
 * for a retry stays so, keeps its turn, and is tried again at the new time. What has expired and has not died yet may so live on.
 *
 * Bounds: what is put off makes room at once, and counts again when it falls due, whatever the bounds are then (admission.ts). What is known
 * of a message that came back is kept for those that are put off as well.
 */
import { DYING, RETRYING } from './attempt-table.ts'
import type { QueueState } from './queue-state.ts'

/** What is to be different of a message; null: nothing. */
export interface MessageUpdate {
  readonly priority: number | null
  /** When it is due, in `nowMs`, above 0; a moment that has come: at once. */
  readonly dueMs: number | null
  /** When it expires, in `nowMs`; Infinity: never. */
  readonly expiresMs: number | null
}

/** Whether it waited, and is different now. `keep` notes what the log says of the message from then on. */
export function applyUpdate(
  state: QueueState,
  offset: number,
  update: MessageUpdate,
  nowMs: number,
  keep: (kept: MessageUpdate) => void,
): boolean {
  const { attempts, ready, settled, schedule, retries } = state
  if (!(offset < ready.end) || settled.has(offset)) return false
  const entry = attempts.find(offset)
  const stage = entry === -1 ? -1 : attempts.states[entry]
  const { dueMs, expiresMs } = update
  if (stage === DYING) return false
  if (schedule.has(offset)) {
    keep(update)
    if (dueMs !== null) schedule.addAgain(offset, dueMs, 0)
  } else if (stage === RETRYING) {
    keep({ ...update, dueMs: null })
    if (dueMs !== null) {
      retries.remove(entry)
      attempts.dueMs[entry] = dueMs
      retries.add(entry)
    }
  } else if (dueMs !== null && dueMs > nowMs) {
    if (!putOff(state, offset, dueMs, () => keep(update))) return false
  } else if (!changeReady(state, offset, update.priority, () => keep({ ...update, dueMs: null }))) return false
  if (entry !== -1) attempts.priorities[entry] = state.log.priorityOf(offset)
  if (expiresMs !== null) state.expiry.update(offset, expiresMs)
  return true
}

/** One that is ready, or waits for its turn, is scheduled; whether it was that. */
function putOff(state: QueueState, offset: number, dueMs: number, keep: () => void): boolean {
  const { keys, ready, suspects, schedule, log } = state
  const before = log.priorityOf(offset)
  const waitsForTurn = keys?.has(offset) === true
  if (waitsForTurn) keys?.remove(log.keyOf(offset), offset, before)
  else if (!suspects.remove(offset) && !ready.remove(offset, before)) return false
  keep()
  ready.left(offset)
  const bytes = log.bytesOf(offset)
  state.messages--
  state.bytes -= bytes
  schedule.addAgain(offset, dueMs, bytes)
  if (!waitsForTurn) state.endTurnOf(offset)
  return true
}

/** One that is ready, or waits for its turn, has another priority at its place; whether it was that. */
function changeReady(state: QueueState, offset: number, priority: number | null, keep: () => void): boolean {
  const { keys, ready, suspects, log } = state
  const before = log.priorityOf(offset)
  const after = priority ?? before
  if (keys?.has(offset) === true) {
    keep()
    keys.changePriority(offset, before, after)
  } else if (suspects.remove(offset)) {
    keep()
    suspects.add(offset, after)
  } else if (ready.has(offset, before)) {
    if (after !== before) ready.remove(offset, before)
    keep()
    if (after !== before) ready.putBack(offset, after)
  } else return false
  return true
}
