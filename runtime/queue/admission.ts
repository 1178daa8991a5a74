/**
 * How much of an append a queue takes: exactly as many messages and bytes as its bounds allow.
 *
 * The partition host's thread. Pure. What is ready, out, waiting for a retry or for its dead letter counts, and what was
 * admitted and is not appended yet. With `dropHead` the oldest ready message of the lowest priority makes room, and one
 * after the other until there is enough. Those are only chosen here. They count until their letters are written, and keep their places
 * where that is not so. A message that cannot have room has none chosen.
 *
 * Later: a message that is a duplicate is not asked for room.
 */
import type { Chosen, QueueState } from './queue-state.ts'
import type { Admission, LetterReason, QueueLetter, WaitingMessage } from './queue-words.ts'

const NOTHING: readonly QueueLetter[] = []

/** Reserves room for the first messages of an append, as many as have any once what was chosen is gone. */
export function admit(state: QueueState, sizes: ArrayLike<number>): Admission {
  const { maxMessages, maxBytes, onFull } = state.policy
  if (state.chosen.length > 0)
    throw new Error('broken invariant: nobody has said what became of the messages chosen last')
  let refused: Admission['refused'] = null
  let taken = 0
  let takenBytes = 0
  for (; taken < sizes.length; taken++) {
    const bytes = sizes[taken] as number
    if (bytes > maxBytes || maxMessages < 1) {
      refused = 'tooLarge'
      break
    }
    const messages = state.messages - state.chosen.length + state.reservedMessages + 1 - maxMessages
    const tooMany = state.bytes - state.chosenBytes + state.reservedBytes + bytes - maxBytes
    if (messages > 0 || tooMany > 0) {
      refused = onFull === 'dropHead' ? choose(state, messages, tooMany) : 'full'
      if (refused !== null) break
    }
    state.reservedMessages++
    state.reservedBytes += bytes
    takenBytes += bytes
  }
  return { taken, takenBytes, refused, dropped: state.chosen.length === 0 ? NOTHING : lettersOf(state) }
}

/** Whether so many messages, of so many bytes together, would all be taken as things stand, with nothing gone for them. */
export function hasRoomFor(state: QueueState, messages: number, bytes: number): boolean {
  const { maxMessages, maxBytes } = state.policy
  return (
    state.messages - state.chosen.length + state.reservedMessages + messages <= maxMessages &&
    state.bytes - state.chosenBytes + state.reservedBytes + bytes <= maxBytes
  )
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
    const isSuspect = suspect !== null && (ready === null || isDroppedBefore(suspect, ready))
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
