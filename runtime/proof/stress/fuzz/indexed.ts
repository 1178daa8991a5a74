/** A program's history, looked up from all sides: what was sent, what is in the logs, who the groups are. Pure. */

import type { EventOf, FuzzEvent, Place } from './events.ts'
import { makesOutput } from './jobs.ts'

export interface SentRecord extends EventOf<'sent'> {
  /** Which event of the history it was, and in which life. */
  readonly at: number
  readonly life: number
}

export type ReadRecord = EventOf<'read'>

export function placeText({ topic, partition, offset }: Place): string {
  return `${topic}/${partition}/${offset}`
}

/** Whether the handlers of a group never come to an end with a record. */
export function isBad(fate: string, style: string): boolean {
  return fate === 'reject' || fate === 'fail' || (style === 'atMostOnce' && fate === 'flaky')
}

export class Indexed {
  readonly events: readonly FuzzEvent[]
  /** The first time that each id was sent. */
  readonly sent: Map<string, SentRecord> = new Map()
  /** By topic and partition, in the order of their offsets. */
  readonly logs: Map<string, Map<number, ReadRecord[]>> = new Map()
  readonly placesOf: Map<string, ReadRecord[]> = new Map()
  readonly at: Map<string, ReadRecord> = new Map()
  /** As they were last. */
  readonly topics: Map<string, EventOf<'topic'>> = new Map()
  /** How many partitions topics have had. */
  readonly counts: Map<string, number[]> = new Map()
  readonly groups: Map<string, EventOf<'group'>> = new Map()
  /** Lives that were killed. */
  readonly killed: Set<number> = new Set()
  /** What was made of an input: by its id and the group. */
  readonly outputs: Map<string, ReadRecord[]> = new Map()

  constructor(events: readonly FuzzEvent[]) {
    this.events = events
    let life = 0
    for (const [at, event] of events.entries()) {
      if (event.e === 'life') life = event.life
      else if (event.e === 'sent' && !this.sent.has(event.id)) this.sent.set(event.id, { ...event, at, life })
      else if (event.e === 'read') this.#read(event)
      else if (event.e === 'topic') {
        this.topics.set(event.topic, event)
        listOf(this.counts, event.topic).push(event.partitions)
      } else if (event.e === 'grown') {
        const { topic, partitions } = event
        const known = this.topics.get(topic)
        if (known !== undefined) this.topics.set(topic, { ...known, partitions })
        listOf(this.counts, topic).push(partitions)
      } else if (event.e === 'group') this.groups.set(event.group, event)
      else if (event.e === 'killed') this.killed.add(event.life)
    }
    for (const partitions of this.logs.values())
      for (const records of partitions.values()) records.sort((a, b) => a.offset - b.offset)
  }

  #read(record: ReadRecord): void {
    const { topic, partition, id } = record
    const partitions = this.logs.get(topic) ?? new Map<number, ReadRecord[]>()
    this.logs.set(topic, partitions)
    listOf(partitions, partition).push(record)
    listOf(this.placesOf, id).push(record)
    this.at.set(placeText(record), record)
    const made = madeOf(id)
    if (made !== null) listOf(this.outputs, made).push(record)
  }

  /** Whether handlers make something of it. */
  isMade(id: string): boolean {
    return makesOutput(id)
  }

  log(topic: string, partition: number): readonly ReadRecord[] {
    return this.logs.get(topic)?.get(partition) ?? []
  }

  /** Whether the record would become a dead letter of such a group; what handlers made is good. */
  isBad(id: string, style: string): boolean {
    const fate = this.sent.get(id)?.fate
    return fate !== undefined && isBad(fate, style)
  }
}

/** `id>group` of what a handler made. */
export function madeOf(id: string): string | null {
  const hash = id.lastIndexOf('#')
  return id.includes('>') && hash > 0 ? id.slice(0, hash) : null
}

export function listOf<K, T>(lists: Map<K, T[]>, key: K): T[] {
  const list = lists.get(key) ?? []
  lists.set(key, list)
  return list
}
