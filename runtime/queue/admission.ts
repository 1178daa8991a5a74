/**
 * How much of an append a queue takes: exactly as many messages and bytes as its bounds allow.
 *
 * The partition host's thread. Pure. What is ready, out, waiting for a retry or for its dead letter counts, and what was
 * admitted and is not appended yet. With `dropHead` the oldest ready message of the lowest priority makes room, and one
 * after the other until there is enough. A message that cannot have room drops nothing.
 *
 * Later: a message that is a duplicate is not asked for room.
 */
import type { QueueState } from './queue-state.ts'
import type { Admission, LetterReason, QueueLetter, WaitingMessage } from './queue-words.ts'

/**
 * Reserves room for the first messages of an append, as many as have any. `letterRoom`: how many dead letters can be written in
 * the same commit.
 */
export function admit(state: QueueState, sizes: ArrayLike<number>, letterRoom: number): Admission {
  const { maxMessages, maxBytes, onFull, hasDeadLetters } = state.policy
  // What was refused before goes first.
  let room = hasDeadLetters ? (state.letters.waiting > 0 ? 0 : letterRoom) : Number.POSITIVE_INFINITY
  const dropped: QueueLetter[] = []
  let refused: Admission['refused'] = null
  let taken = 0
  let takenBytes = 0
  for (; taken < sizes.length; taken++) {
    const bytes = sizes[taken] as number
    if (bytes > maxBytes || maxMessages < 1) {
      refused = 'tooLarge'
      break
    }
    const messages = state.messages + state.reservedMessages + 1 - maxMessages
    const tooMany = state.bytes + state.reservedBytes + bytes - maxBytes
    if (messages > 0 || tooMany > 0) {
      const before = dropped.length
      refused = onFull === 'dropHead' ? makeRoom(state, messages, tooMany, room, dropped) : 'full'
      if (refused !== null) break
      room -= dropped.length - before
    }
    state.reservedMessages++
    state.reservedBytes += bytes
    takenBytes += bytes
  }
  return { taken, takenBytes, refused, dropped }
}

/** Drops so many messages and so many bytes at least, or none. */
function makeRoom(
  state: QueueState,
  messages: number,
  bytes: number,
  letterRoom: number,
  dropped: QueueLetter[],
): Admission['refused'] {
  const chosen: { readonly message: WaitingMessage; readonly bytes: number; readonly suspect: boolean }[] = []
  let refused: Admission['refused'] = null
  for (let found = 0; chosen.length < messages || found < bytes; ) {
    const ready = state.ready.oldestOfLowest()
    const suspect = state.suspects.oldestOfLowest()
    const isSuspect = suspect !== null && (ready === null || isDroppedBefore(suspect, ready))
    const message = isSuspect ? suspect : ready
    if (message === null) refused = 'full'
    else if (chosen.length === letterRoom) refused = 'letters'
    if (message === null || refused !== null) break
    if (isSuspect) state.suspects.remove(message.offset)
    else state.ready.remove(message.offset, message.priority)
    const size = state.log.bytesOf(message.offset)
    chosen.push({ message, bytes: size, suspect: isSuspect })
    found += size
  }
  for (const { message, bytes: size, suspect } of chosen) {
    if (refused !== null) {
      state.makeReady(message.offset, message.priority, suspect)
      continue
    }
    const entry = state.attempts.find(message.offset)
    dropped.push(letterOf(state, message.offset, entry, 'maxlen'))
    state.settle(message.offset, size, entry, state.policy.hasDeadLetters ? 'deadLettered' : 'dropped')
  }
  return refused
}

function isDroppedBefore(one: WaitingMessage, other: WaitingMessage): boolean {
  return one.priority < other.priority || (one.priority === other.priority && one.offset < other.offset)
}

export function letterOf(state: QueueState, offset: number, entry: number, reason: LetterReason): QueueLetter {
  const { handOuts, failures, firstFailureMs, lastFailureMs } = state.attempts
  const of = (counts: Uint32Array | Float64Array): number => (entry === -1 ? 0 : (counts[entry] as number))
  return {
    offset,
    reason,
    handOuts: of(handOuts),
    failedAttempts: of(failures),
    firstFailureMs: of(firstFailureMs),
    lastFailureMs: of(lastFailureMs),
  }
}

/** What was admitted is in the log and committed. */
export function appended(state: QueueState, count: number, bytes: number, priorities: ArrayLike<number> | null): void {
  withdrawn(state, count, bytes)
  state.ready.append(count, priorities)
  state.totals.accepted += count
  state.messages += count
  state.bytes += bytes
}

/** What was admitted is not appended. */
export function withdrawn(state: QueueState, count: number, bytes: number): void {
  state.reservedMessages -= count
  state.reservedBytes -= bytes
}
