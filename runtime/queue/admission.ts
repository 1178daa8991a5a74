/**
 * How much of an append a queue takes: exactly as many messages and bytes as its bounds allow.
 *
 * The partition host's thread. Pure. What is ready, out, waiting for a retry or for its dead letter counts, and what was
 * admitted and is not appended yet. With `dropHead` the oldest ready message of the lowest priority makes room, and one
 * after the other until there is enough. Those are only chosen here. They count until their letters are written, and keep their places
 * where that is not so. A message that cannot have room has none chosen. What is scheduled counts when it falls due, and then it is in, whatever
 * the bounds are.
 *
 * Later: a message that is a duplicate is not asked for room.
 */
import { letterOf } from './dying.ts'
import type { Chosen, QueueState } from './queue-state.ts'
import type { Admission, AppendedFields, QueueLetter, WaitingMessage } from './queue-words.ts'

const NOTHING: readonly QueueLetter[] = []

/** Reserves room for the first messages of an append, as many as have any once what was chosen is gone. */
export function admit(state: QueueState, sizes: ArrayLike<number>, dueMs: ArrayLike<number> | null): Admission {
  const { maxMessages, maxBytes, onFull } = state.policy
  if (state.chosen.length > 0)
    throw new Error('broken invariant: nobody has said what became of the messages chosen last')
  let refused: Admission['refused'] = null
  let taken = 0
  let takenBytes = 0
  let [scheduled, scheduledBytes] = [0, 0]
  for (; taken < sizes.length; taken++) {
    const bytes = sizes[taken] as number
    if (bytes > maxBytes || maxMessages < 1) {
      refused = 'tooLarge'
      break
    }
    takenBytes += bytes
    if (dueMs !== null && dueMs[taken] !== 0) {
      scheduled++
      scheduledBytes += bytes
      continue
    }
    const messages = state.messages - state.chosen.length + state.reservedMessages + 1 - maxMessages
    const tooMany = state.bytes - state.chosenBytes + state.reservedBytes + bytes - maxBytes
    if (messages > 0 || tooMany > 0) {
      refused = onFull === 'dropHead' ? choose(state, messages, tooMany) : 'full'
      if (refused !== null) {
        takenBytes -= bytes
        break
      }
    }
    state.reservedMessages++
    state.reservedBytes += bytes
  }
  return {
    taken,
    takenBytes,
    counted: taken - scheduled,
    countedBytes: takenBytes - scheduledBytes,
    refused,
    dropped: state.chosen.length === 0 ? NOTHING : lettersOf(state),
  }
}

function lettersOf(state: QueueState): readonly QueueLetter[] {
  return state.chosen.map(({ message: { offset } }) => letterOf(state, offset, state.attempts.find(offset), 'maxlen'))
}

/** Chooses so many messages and so many bytes at least, or none. */
function choose(state: QueueState, messages: number, bytes: number): Admission['refused'] {
  // What was refused before goes first.
  if (state.policy.hasDeadLetters && state.letters.waiting > 0) return 'letters'
  const chosen: Chosen[] = []
  let found = 0
  while (chosen.length < messages || found < bytes) {
    const ready = state.ready.oldestOfLowest()
    const suspect = state.suspects.oldestOfLowest()
    const isSuspect = suspect !== null && (ready === null || isDroppedBefore(state, suspect, ready))
    const message = isSuspect ? suspect : ready
    if (message === null) {
      for (const one of chosen) staysReady(state, one)
      return 'full'
    }
    if (isSuspect) state.suspects.remove(message.offset)
    else state.ready.remove(message.offset, message.priority)
    const size = state.log.bytesOf(message.offset)
    chosen.push({ message, bytes: size, suspect: isSuspect })
    found += size
  }
  for (const one of chosen) state.chosen.push(one)
  state.chosenBytes += found
  return null
}

/** The first so many of the messages that were chosen are gone; the others keep their places. */
export function dropped(state: QueueState, count: number): void {
  const { chosen } = state
  state.chosen = []
  state.chosenBytes = 0
  for (const [at, one] of chosen.entries()) {
    const { offset } = one.message
    if (at >= count) staysReady(state, one)
    else
      state.settle(
        offset,
        one.bytes,
        state.attempts.find(offset),
        state.policy.hasDeadLetters ? 'deadLettered' : 'dropped',
      )
  }
}

function staysReady(state: QueueState, { message, suspect }: Chosen): void {
  state.makeReady(message.offset, message.priority, suspect)
}

function isDroppedBefore({ ready }: QueueState, one: WaitingMessage, other: WaitingMessage): boolean {
  if (one.priority !== other.priority) return one.priority < other.priority
  return ready.isBefore(one.offset, other.offset)
}

/** What was admitted is in the log and committed. */
export function appended(state: QueueState, count: number, bytes: number, fields: AppendedFields | null): void {
  const from = state.ready.end
  const dueMs = fields?.dueMs ?? null
  const expiresMs = fields?.expiresMs ?? null
  state.ready.append(count, fields?.priorities ?? null, dueMs)
  state.totals.accepted += count
  let [counted, countedBytes] = [count, bytes]
  for (let index = 0; dueMs !== null && index < count; index++) {
    if (dueMs[index] === 0) continue
    const size = state.log.bytesOf(from + index)
    state.schedule.add(from + index, dueMs[index] as number, size)
    counted--
    countedBytes -= size
  }
  for (let index = 0; expiresMs !== null && index < count; index++)
    state.expiry.add(from + index, expiresMs[index] as number)
  withdrawn(state, counted, countedBytes)
  state.messages += counted
  state.bytes += countedBytes
}

/** What was admitted is not appended, or is there now: so many that had room kept for them. */
export function withdrawn(state: QueueState, count: number, bytes: number): void {
  state.reservedMessages -= count
  state.reservedBytes -= bytes
}
