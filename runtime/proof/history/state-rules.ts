/**
 * What must hold of groups that stop in good order, and of states that are kept with their offsets.
 *
 * Pure functions over a history. A consumer is one takeover of one partition. Threads that were to end do not count, and neither
 * does a record that was in hand for longer than it may be: what became of it there is not known.
 */
import { type Checker, type History, Problems, placeOf } from './history.ts'
import { factsOf, Ledger, lineOf } from './ledger.ts'

/** Records that a handler has seen and whose outputs may have been refused: their attempt has failed, by group and place. */
function refusedOf({ events }: History): Set<string> {
  const refused = new Set<string>()
  for (const event of events)
    if (event.kind === 'settled' && event.mayFail === true) refused.add(`${event.group} ${placeOf(event)}`)
  return refused
}

/** Records that were overdue somewhere, by group and place. */
function overdueOf({ events }: History): Set<string> {
  const overdue = new Set<string>()
  for (const event of events) if (event.kind === 'overdue') overdue.add(`${event.group} ${placeOf(event)}`)
  return overdue
}

/**
 * A1 and A4: what a consumer has handled that has stopped in good order is over, and it has nothing in hand any more. Once the
 * disk has failed, its last state may not have been kept: then it comes again.
 */
export const stoppingIsClean: Checker = history => {
  const problems = new Problems('A4')
  const facts = factsOf(history)
  const overdue = overdueOf(history)
  const ended = new Set<string>()
  const stopped = new Set<string>()
  /** By consumer, the records that it has handled. */
  const handled = new Map<string, Set<string>>()
  /** By group and place, who has handled it and has stopped. */
  const over = new Map<string, string>()
  let isKept = true
  for (const event of history.events) {
    if (event.kind === 'ended') ended.add(event.consumer)
    if (event.kind === 'died' || event.kind === 'diskFailed') isKept = event.kind === 'died'
    // What another process knows of is a question of durability.
    if (event.kind === 'died' || event.kind === 'sought' || event.kind === 'diskFailed') {
      handled.clear()
      over.clear()
    }
    if (event.kind === 'stopped' && !ended.has(event.consumer)) {
      stopped.add(event.consumer)
      if (isKept) for (const name of handled.get(event.consumer) ?? []) over.set(name, event.consumer)
    }
    if (event.kind !== 'delivered' && event.kind !== 'settled') continue
    const { group, consumer } = event
    const name = `${group} ${placeOf(event)}`
    if (ended.has(consumer) || overdue.has(name)) continue
    if (stopped.has(consumer)) problems.say(`${consumer} had ${placeOf(event)} in hand after it had stopped`)
    // Handed out is over, there, whatever becomes of it.
    if (facts.get(`${group} of ${event.topic}`)?.atMostOnce === true) continue
    if (event.kind === 'delivered') {
      const before = over.get(name)
      if (before !== undefined)
        problems.say(`${consumer} got ${placeOf(event)}, which ${before} had handled before it stopped`)
    } else if (event.how === 'handled' && event.mayFail !== true)
      handled.set(consumer, (handled.get(consumer) ?? new Set()).add(name))
  }
  return problems.done()
}

/** A6: a handler that goes on from a state finds each record in it that its group has settled, and none that is still to come. */
export const statesAreWhole: Checker = history => {
  const problems = new Problems('A6')
  const facts = factsOf(history)
  const overdue = overdueOf(history)
  const refused = refusedOf(history)
  const ledger = new Ledger(history)
  const ended = new Set<string>()
  /** Where a group is that was moved, its states are of before. */
  const moved = new Set<string>()
  const firsts = new Map<string, number>()
  for (const event of history.events)
    if (event.kind === 'delivered')
      firsts.set(lineOf(event), Math.min(firsts.get(lineOf(event)) ?? event.offset, event.offset))
  /** By consumer: the state that it began with, the one that it has, and the offset up to which that was looked through. */
  const states = new Map<string, { readonly first: ReadonlySet<number>; readonly all: Set<number>; upTo: number }>()
  let hasLostPower = false
  for (const event of history.events) {
    if (event.kind === 'ended') ended.add(event.consumer)
    if (event.kind === 'sought') moved.add(lineOf(event))
    if (event.kind === 'died' && event.how === 'power') hasLostPower = true
    if (event.kind === 'began' && event.state !== undefined) {
      const line = lineOf(event)
      const durability = history.stored?.get(event.topic)?.durability
      // What a state has seen may be gone, and other records may have its offsets.
      const mayLose = durability === 'memory' || (durability === 'os' && hasLostPower)
      if (mayLose || moved.has(line)) continue
      const first = firsts.get(line) ?? 0
      states.set(event.consumer, { first: new Set(event.state), all: new Set(event.state), upTo: first })
    }
    if (event.kind !== 'delivered' && event.kind !== 'settled') continue
    const state = states.get(event.consumer)
    if (state === undefined || ended.has(event.consumer)) continue
    const { group, topic, partition, offset } = event
    if (event.kind === 'settled') {
      if (event.how === 'handled') state.all.add(offset)
      continue
    }
    if (state.first.has(offset) && !refused.has(`${group} ${placeOf(event)}`))
      problems.say(`${event.consumer} got ${placeOf(event)}, which is in its state already`)
    for (; state.upTo < offset; state.upTo++) {
      const place = { group, topic, partition, offset: state.upTo }
      if (state.all.has(state.upTo) || ledger.isOver(place) || overdue.has(`${group} ${placeOf(place)}`)) continue
      problems.say(`${event.consumer} goes on at ${offset}, and its state has not seen ${state.upTo}`)
    }
    if (facts.get(`${group} of ${topic}`)?.ordered !== true) states.delete(event.consumer)
  }
  return problems.done()
}

export const STATE_RULES: readonly Checker[] = [stoppingIsClean, statesAreWhole]
