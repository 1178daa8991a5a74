/** What a group may and must do with the records of its topic. Pure: it goes through the history of one group. */
import type { EventOf, FuzzEvent } from './events.ts'
import { type Indexed, madeOf, type ReadRecord } from './indexed.ts'
import type { MemberKind } from './plan.ts'

/** Those whose handlers a broker can wait for; of others a partition may move while they have its records. */
const HANDLING: readonly MemberKind[] = ['handle', 'keyed', 'batch', 'run', 'runBatch']
/** Those who have one record of a key in hand. */
const ORDERLY: readonly MemberKind[] = ['handle', 'run', 'consume', 'keyed']
/** Of those, the ones who have one record of a partition. */
const SERIAL: readonly MemberKind[] = ['handle', 'run', 'consume']

export function judgeGroups(history: Indexed): string[] {
  return [...history.groups.values()].flatMap(group => new GroupJudge(history, group).judge())
}

class GroupJudge {
  readonly #history: Indexed
  readonly #group: EventOf<'group'>
  readonly #found: string[] = []
  readonly #kinds = new Map<string, MemberKind>()
  readonly #stopped = new Map<string, boolean>()
  /** Who has which record of a partition in hand. */
  /** Places that a member had in hand when its stop took too long. */
  readonly #cutShort = new Set<string>()
  readonly #held = new Map<string, { readonly member: string; readonly partition: number }>()
  /** Handled, and nothing has happened since that would make them come again. */
  readonly #finished = new Set<string>()
  /** Handled, or handed out, since the group was last moved. */
  readonly #handled = new Set<string>()
  readonly #handed = new Set<string>()
  readonly #handledEver = new Set<string>()
  readonly #lettered = new Map<string, string>()
  readonly #lastHanded = new Map<number, number>()
  readonly #lastDone = new Map<string, number>()
  readonly #from: number[] = []
  #committed: readonly number[] = []
  #wasSought = false
  /** Members whose stop is going to be given up. */
  readonly #unclean: ReadonlySet<string>
  /** A stop is being given up: what it leaves in hand may come again while its handlers are still at work. */
  #isDirty = false
  #wasKilled = false
  /** It was closed in good order, and nobody has said yet how far the group was. */
  #isReopened = false

  constructor(history: Indexed, group: EventOf<'group'>) {
    this.#history = history
    this.#group = group
    const given = history.events.filter(event => event.e === 'stopped' && !event.clean)
    this.#unclean = new Set(given.map(event => (event as EventOf<'stopped'>).member))
  }

  judge(): string[] {
    let isClosed = true
    for (const [at, event] of this.#history.events.entries()) {
      if (event.e === 'life') {
        this.#begin(isClosed)
        isClosed = false
      } else if (event.e === 'closed') isClosed = event.clean
      else if ('group' in event && event.group === this.#group.group) this.#step(event, at)
    }
    return this.#found
  }

  #say(text: string): void {
    this.#found.push(`${this.#group.group}: ${text}`)
  }

  #begin(isClosed: boolean): void {
    if (isClosed && this.#held.size > 0 && !this.#isDirty)
      this.#say(`${[...this.#held.keys()].join(', ')} in hand when the broker was closed`)
    this.#held.clear()
    this.#isReopened = isClosed
    if (isClosed) return
    this.#finished.clear()
    this.#committed = []
    this.#wasKilled = true
  }

  #step(event: FuzzEvent, at: number): void {
    if (event.e === 'joined') this.#kinds.set(event.member, event.kind)
    else if (event.e === 'hand') this.#hand(event)
    else if (event.e === 'done') this.#done(event)
    else if (event.e === 'stopping') this.#isDirty ||= this.#unclean.has(event.member)
    else if (event.e === 'stopped') this.#stop(event)
    else if (event.e === 'letter') this.#letter(event)
    else if (event.e === 'sought') this.#seek(event)
    else if (event.e === 'committed') this.#commit(event.committed, at)
    else if (event.e === 'drained') this.#drain(event.passedOver)
  }

  #kindOf(member: string): MemberKind {
    return this.#kinds.get(member.split('@')[0] as string) ?? 'handle'
  }

  #hand({ member, partition, offset, id, lost, failed }: EventOf<'hand'>): void {
    const place = `${partition}/${offset}`
    const who = `${member} (${this.#kindOf(member)}) was handed ${place} (${id})`
    const there = this.#history.at.get(`${this.#group.topic}/${place}`)
    if (there !== undefined && there.id !== id) this.#say(`${who}, where ${there.id} is`)
    if (lost) this.#say(`${who} after it had lost it`)
    if (this.#stopped.get(member.split('@')[0] as string) === true) this.#say(`${who} after it had stopped`)
    if (failed >= this.#group.attempts && this.#group.style !== 'atMostOnce')
      this.#say(`${who} after ${failed} failures`)
    this.#own(who, member, partition)
    if (this.#finished.has(place) && !this.#isDirty) this.#say(`${who}, which had been handled`)
    if (this.#group.style === 'atMostOnce') {
      if (this.#handed.has(place)) this.#say(`${who} twice, at most once`)
      const last = this.#lastHanded.get(partition) ?? -1
      if (offset < last) this.#say(`${who} after ${last}`)
      this.#lastHanded.set(partition, offset)
    }
    this.#handed.add(place)
    this.#held.set(place, { member, partition })
  }

  /** While a handler has a record nobody else has one of its partition. */
  #own(who: string, member: string, partition: number): void {
    if (this.#isDirty) return
    for (const [place, held] of this.#held) {
      if (held.partition !== partition || held.member === member) continue
      if (HANDLING.includes(this.#kindOf(held.member))) this.#say(`${who} while ${held.member} had ${place}`)
    }
  }

  #done({ member, partition, offset, how }: EventOf<'done'>): void {
    const place = `${partition}/${offset}`
    const base = member.split('@')[0] as string
    const state = this.#stopped.get(base)
    if (this.#held.get(place)?.member === member) this.#held.delete(place)
    if (state === true && HANDLING.includes(this.#kindOf(member)))
      this.#say(`${member} was done with ${place} after it had stopped`)
    if (how !== 'ok' || state === false) return
    this.#order(member, partition, offset)
    this.#finished.add(place)
    this.#handled.add(place)
    this.#handledEver.add(place)
  }

  /** The first time that a record is handled comes after those of its order before it. */
  #order(member: string, partition: number, offset: number): void {
    const { order, topic } = this.#group
    const kinds = [...this.#kinds.values()]
    if (order === 'none' || this.#isDirty || this.#handled.has(`${partition}/${offset}`)) return
    if (!kinds.every(kind => ORDERLY.includes(kind))) return
    const record = this.#history.at.get(`${topic}/${partition}/${offset}`)
    if (record === undefined) return
    const isWhole = order === 'partition' && kinds.every(kind => SERIAL.includes(kind))
    if (!isWhole && record.key === null) return
    const line = isWhole ? `${partition}` : `${partition} ${record.key}`
    const last = this.#lastDone.get(line) ?? -1
    if (offset < last) this.#say(`${member} was done with ${partition}/${offset} after ${partition}/${last} (${line})`)
    this.#lastDone.set(line, Math.max(last, offset))
  }

  #stop({ member, clean }: EventOf<'stopped'>): void {
    this.#stopped.set(member, clean)
    const isHandling = HANDLING.includes(this.#kindOf(member))
    for (const [place, held] of this.#held) {
      if (held.member.split('@')[0] !== member) continue
      if (clean && isHandling) this.#say(`${held.member} had ${place} in hand when its stop resolved`)
      if (!clean) this.#cutShort.add(place)
      this.#held.delete(place)
    }
    if (clean) return
    this.#isDirty = false
    this.#finished.clear()
  }

  #letter({ partition, offset, id, digest, reason, failed, letter }: EventOf<'letter'>): void {
    const place = `${partition}/${offset}`
    const { style, attempts } = this.#group
    const message = this.#history.sent.get(id)
    const what = `letter ${letter} of ${place} (${id})`
    const before = this.#lettered.get(place)
    if (before !== undefined && before !== letter && !this.#wasSought)
      this.#say(`${what} is the second after ${before}`)
    this.#lettered.set(place, letter)
    if (message !== undefined && message.digest !== digest) this.#say(`${what} is not what was published`)
    // At most once, a record whose thread was ended by a stop that took too long is not handed out again.
    const wasCutShort = style === 'atMostOnce' && reason === 'crashed' && this.#cutShort.has(place)
    if (!wasCutShort && !this.#history.isBad(id, style)) this.#say(`${what} is of a record that is good: ${reason}`)
    if (style === 'atMostOnce') {
      if (!this.#handed.has(place) && !this.#wasSought) this.#say(`${what} is of a record that nobody was handed`)
      return
    }
    const expected = message?.fate === 'reject' ? 'rejected' : 'failed'
    if (reason !== expected) this.#say(`${what} says ${reason}, not ${expected}`)
    if (reason === 'failed' && failed !== attempts) this.#say(`${what} has ${failed} failures of ${attempts}`)
  }

  #seek({ committed, moved }: EventOf<'sought'>): void {
    for (const partition of moved) {
      this.#from[partition] = committed[partition] as number
      const isMoved = (place: string): boolean => Number(place.split(/[/ ]/)[0]) === partition
      for (const places of [this.#finished, this.#handled, this.#handed])
        for (const place of places) if (isMoved(place)) places.delete(place)
      for (const line of this.#lastDone.keys()) if (isMoved(line)) this.#lastDone.delete(line)
      this.#lastHanded.delete(partition)
    }
    this.#committed = committed
    this.#wasSought = true
  }

  /** What is committed has been handled, does not go back, and what was made of it is there. */
  #commit(committed: readonly number[], at: number): void {
    const { topic, style, output } = this.#group
    for (const [partition, offset] of committed.entries()) {
      const before = this.#committed[partition] ?? 0
      if (offset < before) this.#say(`partition ${partition} was committed to ${before}, and then to ${offset}`)
    }
    this.#committed = committed
    if (this.#isReopened) this.#forget(committed)
    this.#isReopened = false
    if (style === 'atMostOnce' || this.#wasSought) return
    const marks = output === null ? null : this.#marksAfter(at, output)
    for (const [partition, offset] of committed.entries()) {
      for (const record of this.#history.log(topic, partition).slice(0, offset)) {
        if (this.#history.isBad(record.id, style)) continue
        const place = `${partition}/${record.offset}`
        if (!this.#handledEver.has(place)) this.#say(`${place} (${record.id}) is committed, and was not handled`)
        else if (marks !== null) this.#made(place, record, output as string, marks)
      }
    }
  }

  /** A process goes on at the committed offset: what was settled ahead of it, by those who may, comes again. */
  #forget(committed: readonly number[]): void {
    if (this.#group.order === 'partition' && [...this.#kinds.values()].every(kind => SERIAL.includes(kind))) return
    for (const place of this.#finished) {
      const [partition, offset] = place.split('/').map(Number) as [number, number]
      if (offset >= (committed[partition] ?? 0)) this.#finished.delete(place)
    }
  }

  #marksAfter(at: number, topic: string): readonly number[] | null {
    const event = this.#history.events.slice(at, at + 200).find(event => event.e === 'marks' && event.topic === topic)
    return event?.e === 'marks' ? event.highWatermarks : null
  }

  #made(place: string, { id }: ReadRecord, output: string, marks: readonly number[]): void {
    if (!this.#history.isMade(id) || madeOf(id) !== null) return
    const outputs = this.#history.outputs.get(`${id}>${this.#group.group}`) ?? []
    if (outputs.some(({ partition, offset }) => offset < (marks[partition] ?? 0))) return
    this.#say(`${place} (${id}) is committed, and what was made of it is not in ${output}`)
  }

  /** At the end nothing is left. */
  #drain(passedOver: number): void {
    const { topic, style } = this.#group
    const missed: string[] = []
    for (const [partition, records] of this.#history.logs.get(topic) ?? []) {
      for (const { offset, id } of records) {
        if (offset < (this.#from[partition] ?? 0)) continue
        const place = `${partition}/${offset}`
        if (style === 'atMostOnce') {
          if (!this.#handed.has(place)) missed.push(place)
        } else if (this.#history.isBad(id, style)) {
          if (!this.#lettered.has(place)) this.#say(`${place} (${id}) is no dead letter`)
        } else if (!this.#handled.has(place)) this.#say(`${place} (${id}) was not handled`)
      }
    }
    const most = this.#wasKilled ? passedOver : 0
    if (missed.length > most)
      this.#say(
        `${missed.length} records were not handed out, from ${missed[0]} on, and ${passedOver} are said to be passed over`,
      )
  }
}
