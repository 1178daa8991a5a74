/** What the logs must hold by all that publishers were told. Pure. */

import { partitionOfKey } from '../../../publish/key-hash.ts'
import type { EventOf } from './events.ts'
import { type Indexed, listOf, madeOf, placeText, type ReadRecord } from './indexed.ts'

export function judgeLogs(history: Indexed): string[] {
  return [
    ...judgeOffsets(history),
    ...judgeContents(history),
    ...judgeAnswers(history),
    ...judgeBatches(history),
    ...judgeOrder(history),
    ...judgeNamed(history),
  ]
}

/** No hole, no offset twice, and as many as the topic itself says at the end. */
function judgeOffsets({ events, logs, topics }: Indexed): string[] {
  const found: string[] = []
  const marks = new Map<string, readonly number[]>()
  for (const event of events) if (event.e === 'marks') marks.set(event.topic, event.highWatermarks)
  for (const [topic, { partitions }] of topics) {
    for (let partition = 0; partition < partitions; partition++) {
      const records = logs.get(topic)?.get(partition) ?? []
      for (const [n, { offset }] of records.entries()) {
        if (offset === n) continue
        found.push(`${topic}/${partition}: offset ${offset} was read where ${n} comes next`)
        break
      }
      const mark = marks.get(topic)?.[partition]
      if (mark !== undefined && mark !== records.length)
        found.push(`${topic}/${partition}: ${records.length} records were read, and the high watermark is ${mark}`)
    }
  }
  return found
}

/** A record is what was published, once. */
function judgeContents({ logs, sent, placesOf, events }: Indexed): string[] {
  const found: string[] = []
  const handed = new Set<string>()
  for (const event of events) if (event.e === 'hand') handed.add(`${event.id}>${event.group}`)
  const judge = (record: ReadRecord): void => {
    const { id, digest } = record
    const made = madeOf(id)
    if (made !== null) {
      if (!handed.has(made)) found.push(`${placeText(record)} has ${id}, and its input was handed to nobody`)
      return
    }
    const message = sent.get(id)
    if (message === undefined) found.push(`${placeText(record)} has ${id}, which nobody sent`)
    else if (message.digest !== digest) found.push(`${placeText(record)} is not what was published as ${id}`)
    else if (message.topic !== record.topic) found.push(`${placeText(record)} has ${id}, sent to ${message.topic}`)
    else if (message.partition !== null && message.partition !== record.partition)
      found.push(`${placeText(record)} has ${id}, sent to partition ${message.partition}`)
  }
  for (const partitions of logs.values())
    for (const records of partitions.values()) for (const one of records) judge(one)
  for (const [id, places] of placesOf) {
    const own = places.filter(({ replayed }) => !replayed)
    if (own.length > 1 && madeOf(id) === null) found.push(`${id} is at ${own.map(placeText).join(' and ')}`)
  }
  for (const event of events) {
    if (event.e !== 'hand' || madeOf(event.id) !== null) continue
    if (sent.get(event.id)?.digest !== event.digest)
      found.push(
        `what ${event.group} was handed at ${event.partition}/${event.offset} is not what was published as ${event.id}`,
      )
  }
  return found
}

/** Receipts, and answers without one. */
function judgeAnswers(history: Indexed): string[] {
  const { events, at, placesOf, sent, killed } = history
  const found: string[] = []
  const failed = new Map<string, number>()
  for (const event of events)
    if (event.e === 'publishFailed') failed.set(event.topic, (failed.get(event.topic) ?? 0) + event.count)
  for (const event of events) {
    if (event.e === 'acked') {
      const there = at.get(placeText(event))
      if (there?.id !== event.id)
        found.push(
          `${event.id} was acknowledged (${event.durability}) at ${placeText(event)}, where ${there?.id ?? 'nothing'} is`,
        )
    } else if (event.e === 'answer') {
      const isThere = placesOf.has(event.id)
      const message = sent.get(event.id)
      if (event.is === 'refused' && isThere) found.push(`${event.id} was refused, and is there`)
      if (event.is !== 'taken' || isThere || message === undefined) continue
      // Without a receipt it lasts as long as its process.
      if (message.source === 'main' && (killed.has(message.life) || failed.has(message.topic))) continue
      found.push(`${event.id} was taken, and is not there`)
    }
  }
  return found
}

/** What a batch says of each of its messages is true. */
function judgeBatches({ events, placesOf, sent }: Indexed): string[] {
  const found: string[] = []
  const ofCall = new Map<number, string[]>()
  for (const { id, call } of sent.values()) listOf(ofCall, call).push(id)
  for (const event of events) {
    if (event.e === 'lists') {
      const { call, unpublished, unknown } = event
      const there = unpublished.filter(id => placesOf.has(id))
      if (there.length > 0) found.push(`batch ${call}: ${there.join(', ')} in \`unpublished\`, and there`)
      const left = new Set([...unpublished, ...unknown])
      const lost = (ofCall.get(call) ?? []).filter(id => !left.has(id) && !placesOf.has(id))
      if (lost.length > 0)
        found.push(`batch ${call}: ${lost.length} in neither list, and not there: ${lost.slice(0, 5).join(', ')}`)
    } else if (event.e === 'ranges') found.push(...judgeRanges(event, ofCall.get(event.call) ?? [], placesOf))
  }
  return found
}

function judgeRanges(
  { call, ranges }: EventOf<'ranges'>,
  ids: readonly string[],
  placesOf: ReadonlyMap<string, readonly ReadRecord[]>,
): string[] {
  const count = ranges.reduce((sum, range) => sum + range.count, 0)
  const isIn = ({ partition, offset }: ReadRecord): boolean =>
    ranges.some(
      range => range.partition === partition && offset >= range.baseOffset && offset < range.baseOffset + range.count,
    )
  const outside = ids.filter(id => !placesOf.get(id)?.some(isIn))
  if (count === ids.length && outside.length === 0) return []
  return [
    `batch ${call} of ${ids.length} was acknowledged as ${count}, and ${outside.length} are not there: ${outside.slice(0, 5).join(', ')}`,
  ]
}

/**
 * Of one producer, a partition has the records in the order in which they were sent; a key has one partition, or, where its topic has
 * got more of them, that which it had among as many as there were at some time.
 */
function judgeOrder({ logs, sent, counts }: Indexed): string[] {
  const found: string[] = []
  const homes = new Map<string, number>()
  for (const [topic, partitions] of logs) {
    const had = [...new Set(counts.get(topic))]
    for (const [partition, records] of partitions) {
      const last = new Map<string, { readonly at: number; readonly id: string }>()
      for (const { id, replayed, key } of records) {
        const message = sent.get(id)
        if (message === undefined || replayed || message.source.startsWith('repair')) continue
        const before = last.get(message.source)
        if (before !== undefined && before.at > message.at)
          found.push(`${topic}/${partition}: ${id} comes after ${before.id}, which was sent later`)
        last.set(message.source, { at: message.at, id })
        if (key === null || message.partition !== null) continue
        if (had.length > 1) {
          if (!had.some(count => partitionOfKey(key, count) === partition))
            found.push(`${topic}: key ${key} is in partition ${partition}, and there were ${had.join(', ')} of them`)
          continue
        }
        const home = homes.get(`${topic}/${key}`) ?? partition
        homes.set(`${topic}/${key}`, home)
        if (home !== partition) found.push(`${topic}: key ${key} is in partitions ${home} and ${partition}`)
      }
    }
  }
  return found
}

/**
 * A named producer leaves none of its numbers out. Of what it was sending when its process was killed some may be there and some
 * not, until another process has sent it again.
 */
function judgeNamed({ events, killed, placesOf }: Indexed): string[] {
  const lives = new Map<string, number>()
  let life = 0
  for (const event of events) {
    if (event.e === 'life') life = event.life
    else if (event.e === 'sent') lives.set(event.id, life)
  }
  const most = new Map<string, number>()
  for (const [id, sentIn] of lives) {
    const [word, name, number] = id.split('.')
    if (word !== 'named' || name === undefined || killed.has(sentIn)) continue
    if (placesOf.has(id)) most.set(name, Math.max(most.get(name) ?? -1, Number(number)))
  }
  const found: string[] = []
  for (const [name, last] of most) {
    for (let number = 0; number <= last; number++)
      if (!placesOf.has(`named.${name}.${number}`))
        found.push(`producer ${name} left out its record ${number} of ${last}`)
  }
  return found
}
