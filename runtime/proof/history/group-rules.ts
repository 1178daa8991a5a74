/**
 * A1 to A5 and R2, R3: what must hold of a group, whoever of its members lives.
 *
 * Pure functions over a history. A consumer is one takeover of one partition: whoever takes it over again has a new name. One
 * that settles by itself keeps its name while it stays, so that it may have again what it gave to another that leaves.
 */
import { type Checker, type HistoryEvent, Problems, placeOf } from './history.ts'
import { factsOf, Ledger, lineOf } from './ledger.ts'

type Delivered = Extract<HistoryEvent, { kind: 'delivered' }>

/** A1 and R2: while one consumer goes on, no other is given records of its partition; threads that were to end do not count. */
export const oneOwner: Checker = ({ events, queues = [] }) => {
  const problems = new Problems('A1')
  // All consumers of a queue have messages of its one partition.
  const shared = new Set(queues.map(({ queue }) => queue))
  const owners = new Map<string, string>()
  /** Of each partition, since its owner came. */
  const past = new Map<string, Set<string>>()
  const ended = new Set<string>()
  for (const event of events) {
    if (event.kind === 'ended') ended.add(event.consumer)
    if (event.kind === 'leaving')
      for (const [line, owner] of owners) if (owner === event.consumer) past.get(line)?.clear()
    if (event.kind !== 'delivered' || ended.has(event.consumer) || shared.has(event.topic)) continue
    const line = lineOf(event)
    const owner = owners.get(line)
    if (owner === event.consumer) continue
    const others = past.get(line) ?? new Set()
    past.set(line, others)
    if (others.has(event.consumer))
      problems.say(`${event.consumer} got ${placeOf(event)} when ${owner} owned it already`)
    else {
      if (owner !== undefined) others.add(owner)
      owners.set(line, event.consumer)
    }
  }
  return problems.done()
}

/** A3: nobody is given a record while an earlier one of its partition is not settled; and no new owner skips any. */
export const nothingIsSkipped: Checker = history => {
  const problems = new Problems('A3')
  const facts = factsOf(history)
  const ledger = new Ledger(history)
  const ended = new Set<string>()
  for (const event of history.events) {
    if (event.kind === 'ended') ended.add(event.consumer)
    if (event.kind === 'settled' && event.how === 'handled') ledger.of(event, 0).add(event.offset)
    if (event.kind !== 'delivered' || ended.has(event.consumer)) continue
    const group = facts.get(`${event.group} of ${event.topic}`)
    if (group === undefined || !group.ordered || group.atMostOnce) continue
    const settled = ledger.of(event, group.from === 'latest' ? event.offset : 0)
    for (let offset = settled.prefix; offset < event.offset; offset++) {
      const place = { topic: event.topic, partition: event.partition, offset }
      if (settled.has(offset)) continue
      if (!ledger.isOver({ group: event.group, ...place })) {
        problems.say(`${event.consumer} got ${placeOf(event)} before ${offset} was settled`)
        break
      }
      settled.add(offset)
    }
  }
  return problems.done()
}

/** A3 by key: nobody is given a record while an earlier one of its key and partition is not settled. */
export const keysKeepTheirOrder: Checker = history => {
  const problems = new Problems('A3')
  const facts = factsOf(history)
  const ledger = new Ledger(history)
  const ended = new Set<string>()
  const offsets = new Map<string, Set<number>>()
  const lineOfKey = ({ topic, partition, key }: { topic: string; partition: number; key: string | null }): string =>
    `${topic}/${partition} ${key}`
  for (const event of history.events) {
    if (event.kind !== 'read' || event.key === null) continue
    const known = offsets.get(lineOfKey(event))
    if (known === undefined) offsets.set(lineOfKey(event), new Set([event.offset]))
    else known.add(event.offset)
  }
  const sorted = new Map([...offsets].map(([line, places]) => [line, [...places].sort((a, b) => a - b)]))
  const firsts = new Map<string, number>()
  /** By group and key, how many of its offsets are settled one after the other: what is settled stays so. */
  const passed = new Map<string, number>()
  for (const event of history.events) {
    if (event.kind === 'ended') ended.add(event.consumer)
    if (event.kind === 'settled' && event.how === 'handled') ledger.of(event, 0).add(event.offset)
    if (event.kind !== 'delivered') continue
    const line = lineOf(event)
    const first = firsts.get(line) ?? event.offset
    firsts.set(line, first)
    const group = facts.get(`${event.group} of ${event.topic}`)
    if (ended.has(event.consumer) || event.key === null || group?.keyed !== true || group.atMostOnce) continue
    const settled = ledger.of(event, 0)
    const places = sorted.get(lineOfKey(event)) ?? []
    const name = `${event.group} ${lineOfKey(event)}`
    const isOver = (offset: number): boolean =>
      (group.from === 'latest' && offset < first) ||
      settled.has(offset) ||
      ledger.isOver({ group: event.group, topic: event.topic, partition: event.partition, offset })
    let index = passed.get(name) ?? 0
    while (index < places.length && isOver(places[index] as number)) index++
    passed.set(name, index)
    const open = places[index] ?? event.offset
    if (open < event.offset)
      problems.say(`${event.consumer} got ${placeOf(event)} of key ${event.key} before ${open} was settled`)
  }
  return problems.done()
}

/**
 * At most once: nobody is given a record that was handed out before; threads that were to end by then do not count. At `os` a
 * loss of power may take back what was written down of it, and in memory the end of a process takes back everything.
 */
export const atMostOnce: Checker = history => {
  const problems = new Problems('at most once')
  const facts = factsOf(history)
  const ended = new Set<string>()
  const given = new Map<string, { readonly consumer: string; readonly topic: string }>()
  for (const event of history.events) {
    if (event.kind === 'ended') ended.add(event.consumer)
    if (event.kind === 'died')
      for (const [name, { topic }] of given) {
        const durability = history.stored?.get(topic)?.durability ?? 'memory'
        if (durability === 'memory' || (durability === 'os' && event.how === 'power')) given.delete(name)
      }
    if (event.kind !== 'delivered' || ended.has(event.consumer)) continue
    if (facts.get(`${event.group} of ${event.topic}`)?.atMostOnce !== true) continue
    const name = `${event.group} ${placeOf(event)}`
    const before = given.get(name)
    if (before !== undefined)
      problems.say(`${placeOf(event)} was given to ${before.consumer}, and again to ${event.consumer}`)
    given.set(name, event)
  }
  return problems.done()
}

/** A4: what is committed never goes back, and is never ahead of what is settled. */
export const commitsGoForward: Checker = history => {
  const problems = new Problems('A4')
  const facts = factsOf(history)
  const ledger = new Ledger(history)
  const commits = new Map<string, number>()
  for (const event of history.events) {
    if (event.kind === 'settled' && event.how === 'handled') ledger.of(event, 0).add(event.offset)
    // What another process knows of is a question of durability.
    if (event.kind === 'died') commits.clear()
    if (event.kind !== 'committed') continue
    const line = lineOf(event)
    const known = commits.get(line)
    if (known !== undefined && event.offset < known)
      problems.say(`${line} was at ${known}, and later at ${event.offset}`)
    commits.set(line, Math.max(known ?? 0, event.offset))
    const group = facts.get(`${event.group} of ${event.topic}`)
    if (group === undefined || group.from === 'latest' || group.atMostOnce) continue
    const settled = ledger.of(event, 0)
    for (let offset = settled.prefix; offset < event.offset; offset++) {
      const place = { topic: event.topic, partition: event.partition, offset }
      if (settled.has(offset) || ledger.isOver({ group: event.group, ...place })) settled.add(offset)
      else {
        problems.say(`${line} committed ${event.offset} before ${offset} was settled`)
        break
      }
    }
  }
  return problems.done()
}

/** A4: what was said to be committed is not handed out again; threads that were to end by then do not count. */
export const nothingCommittedComesAgain: Checker = history => {
  const problems = new Problems('A4')
  const facts = factsOf(history)
  const commits = new Map<string, number>()
  const ended = new Set<string>()
  for (const event of history.events) {
    if (event.kind === 'ended') ended.add(event.consumer)
    if (event.kind === 'died') commits.clear()
    if (event.kind === 'committed') commits.set(lineOf(event), Math.max(commits.get(lineOf(event)) ?? 0, event.offset))
    if (event.kind !== 'delivered' || ended.has(event.consumer)) continue
    // At most once, a record is committed before it is handed out.
    if (facts.get(`${event.group} of ${event.topic}`)?.atMostOnce === true) continue
    const committed = commits.get(lineOf(event)) ?? 0
    if (event.offset < committed)
      problems.say(`${event.consumer} got ${placeOf(event)} when ${committed} was committed already`)
  }
  return problems.done()
}

/** A5 and D5: a drained group has handled or buried every record that is in the log. */
export const everyRecordIsSettled: Checker = history => {
  const problems = new Problems('A5')
  const ledger = new Ledger(history)
  const handled = new Set<string>()
  const firsts = new Map<string, number>()
  for (const event of history.events) {
    if (event.kind === 'settled' && event.how === 'handled') handled.add(`${event.group} ${placeOf(event)}`)
    if (event.kind === 'delivered') {
      const line = lineOf(event)
      firsts.set(line, Math.min(firsts.get(line) ?? event.offset, event.offset))
      const group = history.groups.find(({ group, topic }) => group === event.group && topic === event.topic)
      if (group?.atMostOnce) handled.add(`${event.group} ${placeOf(event)}`)
    }
    if (event.kind === 'passedOver')
      for (let offset = event.from; offset < event.to; offset++)
        handled.add(`${event.group} ${placeOf({ ...event, offset })}`)
  }
  // All groups were there when partitions were added, and read these from their beginning.
  const added = new Map<string, number>()
  for (const event of history.events)
    if (event.kind === 'grown') added.set(event.topic, Math.min(added.get(event.topic) ?? event.from, event.from))
  for (const { group, topic, from } of history.groups) {
    if (!history.drained.includes(`${group} of ${topic}`)) continue
    for (const event of history.events) {
      if (event.kind !== 'read' || event.topic !== topic) continue
      const first = firsts.get(lineOf({ ...event, group })) ?? Number.POSITIVE_INFINITY
      const isOld = event.partition < (added.get(topic) ?? Number.POSITIVE_INFINITY)
      if (from === 'latest' && isOld && event.offset < first) continue
      const place = placeOf(event)
      if (!handled.has(`${group} ${place}`) && !ledger.isOver({ ...event, group }))
        problems.say(`${event.id} at ${place} was neither handled nor dead-lettered by ${group}, which is drained`)
    }
  }
  return problems.done()
}

/** R3: one consumer's hand-outs of one record count up, and each failure that it told of is in the next one's count. */
export const attemptsCountUp: Checker = ({ events, queues = [] }) => {
  const problems = new Problems('D1')
  const shared = new Set(queues.map(({ queue }) => queue))
  /** Of messages of queues, which anybody may be given: who was last. */
  const holders = new Map<string, string>()
  const last = new Map<string, Delivered>()
  const failed = new Set<string>()
  for (const event of events) {
    if (event.kind === 'settled') {
      const name = `${event.consumer} ${placeOf(event)}`
      if (event.how === 'failed') failed.add(`${name} ${event.deliveryAttempt}`)
      continue
    }
    if (event.kind !== 'delivered') continue
    const name = `${event.consumer} ${placeOf(event)}`
    const before = last.get(name)
    last.set(name, event)
    if (shared.has(event.topic)) {
      const holder = holders.get(placeOf(event))
      holders.set(placeOf(event), event.consumer)
      if (holder !== event.consumer) continue
    }
    if (before === undefined) continue
    if (event.deliveryAttempt <= before.deliveryAttempt)
      problems.say(
        `${event.consumer} got ${placeOf(event)} as attempt ${before.deliveryAttempt}, then as ${event.deliveryAttempt}`,
      )
    const counted = failed.has(`${name} ${before.deliveryAttempt}`)
    if (counted && event.failedAttempts !== before.failedAttempts + 1)
      problems.say(
        `${placeOf(event)} failed with ${before.failedAttempts} failures before, and came again with ${event.failedAttempts}`,
      )
  }
  return problems.done()
}

export const GROUP_RULES: readonly Checker[] = [
  oneOwner,
  nothingIsSkipped,
  keysKeepTheirOrder,
  atMostOnce,
  commitsGoForward,
  nothingCommittedComesAgain,
  everyRecordIsSettled,
  attemptsCountUp,
]
