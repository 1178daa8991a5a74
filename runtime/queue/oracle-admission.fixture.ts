/** How much of an append the naive model of a queue takes: each message is asked whether it fits, and what must go for it. */
import { letterOf, type OracleMessage, sum } from './oracle-message.fixture.ts'
import { byPlace } from './oracle-times.fixture.ts'
import type { QueueOracle } from './queue-oracle.fixture.ts'
import type { Admission } from './queue-words.ts'

export function admitTo(oracle: QueueOracle, sizes: readonly number[], dueMs: readonly number[] | null): Admission {
  const { maxMessages, maxBytes, onFull, hasDeadLetters } = oracle.policy
  const ready = oracle.messages.filter(({ state }) => state === 'ready')
  const droppable = ready.sort((a, b) => a.priority - b.priority || byPlace(a, b))
  let [taken, takenBytes, counted, countedBytes] = [0, 0, 0, 0]
  const answer = (refused: Admission['refused']): Admission => {
    return {
      taken,
      takenBytes,
      counted,
      countedBytes,
      refused,
      dropped: oracle.chosen.map(message => letterOf(message, 'maxlen')),
    }
  }
  const there = oracle.messages.filter(({ state }) => state !== 'scheduled')
  for (const [at, bytes] of sizes.entries()) {
    if (bytes > maxBytes) return answer('tooLarge')
    if (dueMs !== null && dueMs[at] !== 0) {
      taken++
      takenBytes += bytes
      continue
    }
    const fits = (without: readonly OracleMessage[]): boolean =>
      there.length - without.length + oracle.reserved.messages + 1 <= maxMessages &&
      sum(there) - sum(without) + oracle.reserved.bytes + bytes <= maxBytes
    let out = oracle.chosen.length
    while (!fits(droppable.slice(0, out))) {
      if (onFull !== 'dropHead') return answer('full')
      if (hasDeadLetters && oracle.dying.length > oracle.sent) return answer('letters')
      if (out === droppable.length) return answer('full')
      out++
    }
    oracle.chosen = droppable.slice(0, out)
    oracle.reserved.messages++
    oracle.reserved.bytes += bytes
    taken++
    takenBytes += bytes
    counted++
    countedBytes += bytes
  }
  return answer(null)
}
