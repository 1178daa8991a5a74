/**
 * Messages that die, until their dead letters are written: then they are settled.
 *
 * The partition host's thread. Pure. Bound: that of letters.ts.
 */
import type { QueueState } from './queue-state.ts'
import type { LetterReason, QueueLetter } from './queue-words.ts'

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

/** The next dead letter to write, which is on its way from now on; null: there is none. */
export function nextLetter(state: QueueState): QueueLetter | null {
  const { attempts, letters } = state
  const entry = letters.send()
  if (entry === -1) return null
  return letterOf(state, attempts.offsets[entry] as number, entry, attempts.reasons[entry] as LetterReason)
}

/** The first so many letters on their way are written. */
export function lettersWritten(state: QueueState, count: number): void {
  const { attempts, letters, log } = state
  for (let written = 0; written < count; written++) {
    const entry = letters.written()
    if (entry === -1) throw new RangeError(`${count} letters are written, and only ${written} were on their way`)
    const offset = attempts.offsets[entry] as number
    state.settle(offset, log.bytesOf(offset), entry, 'deadLettered')
  }
}
