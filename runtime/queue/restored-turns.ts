/**
 * Gives the messages of a queue that is rebuilt their turns of their keys, or lets them wait.
 *
 * The partition host's thread. Pure. What is out has its turn, and of the others those have that stand first. Where fewer of a key may be out
 * than before, one that waited for a retry may have to wait for its turn instead. Where keys take turns, these begin anew, in the order of
 * the places. It costs one look at the record of each message that is not settled.
 */
import { DYING, READY, RETRYING } from './attempt-table.ts'
import type { KeyGate } from './key-gate.ts'
import type { QueueState } from './queue-state.ts'
import type { DueFact } from './queue-words.ts'

/** Where messages stand that are not settled, and which of them are out. */
interface Places {
  readonly floor: number
  readonly end: number
  readonly settled: readonly (readonly [number, number])[]
  readonly due: readonly DueFact[]
  readonly consumers: readonly { readonly claims: readonly { readonly offset: number }[] }[]
}

export function restoreTurns(state: QueueState, keys: KeyGate, facts: Places): void {
  const { log } = state
  const out = new Set<number>()
  for (const { claims } of facts.consumers)
    for (const { offset } of claims) {
      out.add(offset)
      keys.hold(log.keyOf(offset), offset)
    }
  for (const offset of inPlace(state, facts)) {
    if (out.has(offset)) {
      // It comes back to this place.
      keys.passes(log.keyOf(offset), offset)
      state.ready.keepPlace(offset)
    } else restoreTurn(state, keys, offset)
  }
}

function restoreTurn(state: QueueState, keys: KeyGate, offset: number): void {
  const { attempts, log, ready, retries } = state
  const entry = attempts.find(offset)
  const stage = entry === -1 ? READY : attempts.states[entry]
  if (stage === DYING) return
  const priority = log.priorityOf(offset)
  const hasTurn = keys.enter(log.keyOf(offset), offset, priority)
  if (stage !== RETRYING) {
    if (hasTurn) state.makeReady(offset, priority, entry !== -1 && attempts.suspects[entry] === 1)
  } else if (hasTurn) ready.keepPlace(offset)
  else {
    retries.remove(entry)
    attempts.states[entry] = READY
  }
}

/** Messages that are neither settled nor scheduled: what fell due goes before what stands at its place or behind. */
function* inPlace({ schedule }: QueueState, { floor, end, settled, due }: Places): Generator<number> {
  const fell = new Set(due.map(({ offset }) => offset))
  let next = 0
  let from = floor
  for (const [start, to] of [...settled, [end, end] as const]) {
    for (let offset = from; offset < start; offset++) {
      if (fell.has(offset) || schedule.has(offset)) continue
      for (let fact = due[next]; fact !== undefined && fact.place <= offset; fact = due[next]) {
        yield fact.offset
        next++
      }
      yield offset
    }
    from = to
  }
  for (const { offset } of due.slice(next)) yield offset
}
