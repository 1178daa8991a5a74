/**
 * Makes of a journal the history that the rules judge: names for numbers, and what no thread could write down itself.
 *
 * Main thread, when all that was recorded is over. One topic, one group on handler threads, one topic of its dead letters.
 * Two things are concluded, each as far as it is certain:
 *
 * - A thread ended when a handler of it never let go. That is put behind its last entry, and ahead of the first of its
 *   successors: a thread that writes on when its successor has begun is judged as one that lives. What it had on its
 *   stack is known when `delivered` is its last entry; it is to be charged, unless the run was told to stop. Otherwise
 *   any handler of it that had nothing in hand may have been handed one more record, which it could not write down: its
 *   partition's last one again, or the next.
 * - A delivery was overdue when its end is not there after the group's timeout.
 *
 * Bound: the journal's. An entry becomes one event, but for those that tell of several messages.
 */
import { GROUP_RULES } from '../history/group-rules.ts'
import type { GroupFacts, History, HistoryEvent, Place } from '../history/history.ts'
import { LETTER_RULES } from '../history/letter-rules.ts'
import { STREAM_RULES } from '../history/stream-rules.ts'
import type { Entry, Journal } from './journal.fixture.ts'
import { OUTCOMES, REASONS } from './recorder.fixture.ts'
import { HOW } from './witness.fixture.ts'

export interface RecordedFacts {
  readonly topic: string
  readonly group: string
  readonly attempts: number
  readonly handlerTimeoutMs: number
  /** Null: it has none. */
  readonly deadLetterTopic: string | null
  /** The number of the key with which a message was sent; -1: none. */
  readonly keyOf: (id: number) => number
  /** Somebody on the main thread read all of it. */
  readonly readInFull: boolean
  /** The group said, after the last send, that all is settled. */
  readonly drained: boolean
}

export interface RecordedHistory {
  readonly history: History
  /** Entries whose writers ended in the middle of them. */
  readonly torn: number
  /** Handler threads that ended with a partition in hand. */
  readonly endedThreads: number
}

/** One takeover of one partition. */
interface Tenure {
  readonly name: string
  readonly partition: number
  readonly thread: number
  readonly since: number
  /** Number of the entry with which a successor took over. */
  until: number
  left: boolean
  /** What it has in hand: the attempt by the offset. */
  readonly open: Map<number, number>
  /** The last thing that it wrote down is that it handled a record. */
  handled: boolean
}

/** A thread that had partitions, and how it ended. */
interface Life {
  readonly tenures: Tenure[]
  readonly last: Entry
  readonly ended: boolean
  /** Its run was told to stop before anybody had taken over from it. */
  readonly stopped: boolean
  /** Number of the entry which its end comes ahead of. */
  readonly ahead: number
}

interface Due {
  readonly tenure: Tenure
  readonly entry: Entry
  readonly atMs: number
}

function keyText(key: number): string | null {
  return key === -1 ? null : String(key)
}

/** Who had which partition when, on which threads. */
function livesOf(entries: Iterable<Entry>): { readonly tenures: Map<number, Tenure>; readonly lives: Life[] } {
  const tenures = new Map<number, Tenure>()
  const lives = new Map<number, { tenures: Tenure[]; last: Entry }>()
  const owners = new Map<number, Tenure>()
  const stops: number[] = []
  for (const entry of entries) {
    const { kind, number, partition } = entry
    if (kind === 'stopping') stops.push(number)
    if (kind === 'began') {
      const before = owners.get(partition)
      if (before !== undefined) before.until = number
      const name = `${partition}#${number}@${entry.a}`
      const tenure: Tenure = {
        name,
        partition,
        thread: entry.a,
        since: number,
        until: Number.POSITIVE_INFINITY,
        left: false,
        open: new Map(),
        handled: false,
      }
      tenures.set(number, tenure)
      owners.set(partition, tenure)
      const life = lives.get(entry.a) ?? { tenures: [], last: entry }
      life.tenures.push(tenure)
      life.last = entry
      lives.set(entry.a, life)
    } else if (kind === 'delivered' || kind === 'pending' || kind === 'settled' || kind === 'left') {
      const tenure = tenures.get(entry.who)
      if (tenure === undefined) throw new Error(`broken invariant: entry ${number} is of nobody`)
      if (kind === 'left') tenure.left = true
      const life = lives.get(tenure.thread)
      if (life !== undefined) life.last = entry
    }
  }
  return { tenures, lives: [...lives.values()].map(life => lifeOf(life.tenures, life.last, stops)) }
}

function lifeOf(tenures: Tenure[], last: Entry, stops: readonly number[]): Life {
  const kept = tenures.filter(({ left }) => !left)
  const ahead = Math.max(last.number + 1, Math.min(...kept.map(({ until }) => until)))
  // A thread lives in one run: the first stop after its begin is that of its own.
  const stopped = stops.some(stop => stop > (tenures[0] as Tenure).since && stop < ahead)
  return { tenures: kept, last, ended: kept.length > 0, stopped, ahead }
}

class Builder {
  readonly events: HistoryEvent[] = []
  torn = 0
  readonly #facts: RecordedFacts
  readonly #tenures: ReadonlyMap<number, Tenure>
  /** Ends of threads, by the number of the entry which they come ahead of. */
  readonly #ends = new Map<number, Life[]>()
  /** In the order of their time. */
  readonly #due: Due[] = []
  #dueHead = 0
  /** The highest offset that each partition has handed out. */
  readonly #highest = new Map<number, number>()
  /** One text for all events that name it. */
  readonly #names = new Map<number, string>()

  constructor(facts: RecordedFacts, tenures: ReadonlyMap<number, Tenure>, lives: readonly Life[]) {
    this.#facts = facts
    this.#tenures = tenures
    for (const life of lives) if (life.ended) this.#ends.set(life.ahead, [...(this.#ends.get(life.ahead) ?? []), life])
  }

  #name(id: number): string {
    let name = this.#names.get(id)
    if (name === undefined) {
      name = String(id)
      this.#names.set(id, name)
    }
    return name
  }

  #place(partition: number, offset: number): Place & { readonly group: string } {
    const { group, topic } = this.#facts
    return { group, topic, partition, offset }
  }

  #end({ last, stopped, tenures }: Life): void {
    const onStack = last.kind === 'delivered'
    const executing = onStack && !stopped ? this.#place(last.partition, last.offset) : undefined
    for (const tenure of tenures) {
      const unsaid = onStack ? [] : this.#unsaidOf(tenure)
      this.events.push({
        kind: 'ended',
        consumer: tenure.name,
        ...(executing === undefined ? {} : { executing }),
        ...(unsaid.length > 0 ? { unsaid } : {}),
      })
      tenure.open.clear()
    }
  }

  /** What may have been handed to it last, and is not in the journal. */
  #unsaidOf({ partition, open, handled }: Tenure): (Place & { readonly group: string })[] {
    if (open.size > 0) return []
    const highest = this.#highest.get(partition) ?? -1
    const offsets = handled || highest === -1 ? [highest + 1] : [highest, highest + 1]
    return offsets.map(offset => this.#place(partition, offset))
  }

  #overdueBy(atMs: number): void {
    for (; this.#dueHead < this.#due.length; this.#dueHead++) {
      const { tenure, entry, atMs: dueMs } = this.#due[this.#dueHead] as Due
      if (dueMs > atMs) break
      if (tenure.open.get(entry.offset) !== entry.a) continue
      tenure.open.delete(entry.offset)
      const own = { consumer: tenure.name, deliveryAttempt: entry.a }
      this.events.push({ kind: 'overdue', ...this.#place(entry.partition, entry.offset), ...own })
    }
  }

  hear(entry: Entry): void {
    for (const life of this.#ends.get(entry.number) ?? []) this.#end(life)
    this.#ends.delete(entry.number)
    if (entry.kind === 'torn') {
      this.torn++
      return
    }
    this.#overdueBy(entry.atMs)
    const { topic, group, deadLetterTopic, keyOf, handlerTimeoutMs } = this.#facts
    const { events } = this
    const { kind, who, partition, offset, id, key, a, b, c } = entry
    const place = this.#place(partition, offset)
    const { name: consumer } = this.#tenures.get(who) ?? { name: '' }
    switch (kind) {
      case 'began': {
        const { name } = this.#tenures.get(entry.number) as Tenure
        events.push({ kind, group, topic, partition, consumer: name })
        break
      }
      case 'delivered': {
        const tenure = this.#tenures.get(who) as Tenure
        tenure.open.set(offset, a)
        tenure.handled = false
        this.#highest.set(partition, Math.max(this.#highest.get(partition) ?? -1, offset))
        // A millisecond for clocks that are rounded.
        this.#due.push({ tenure, entry, atMs: entry.atMs + handlerTimeoutMs - 1 })
        events.push({
          kind,
          ...place,
          consumer,
          id: this.#name(id),
          key: keyText(key),
          deliveryAttempt: a,
          failedAttempts: b,
        })
        break
      }
      case 'settled': {
        const tenure = this.#tenures.get(who) as Tenure
        tenure.open.delete(offset)
        tenure.handled = HOW[b] === 'handled'
        events.push({ kind, ...place, consumer, how: HOW[b] as (typeof HOW)[number], deliveryAttempt: a })
        break
      }
      case 'sent':
        for (let one = id; one < id + a; one++)
          events.push({ kind, producer: `p${who}`, topic, id: this.#name(one), key: keyText(keyOf(one)) })
        break
      case 'answered': {
        const outcome = OUTCOMES[b] as (typeof OUTCOMES)[number]
        const known = offset === -1 ? {} : { partition, offset }
        for (let one = id; one < id + a; one++) events.push({ kind, topic, id: this.#name(one), outcome, ...known })
        break
      }
      case 'read':
        events.push({ kind, reader: `reader ${who}`, topic, partition, offset, id: this.#name(id), key: keyText(key) })
        break
      case 'letter': {
        const told = { group, reason: REASONS[c & 15] ?? 'unknown', failedAttempts: c >> 4, replayed: 0 }
        const source = { topic, partition: a, offset: b }
        const own = { topic: deadLetterTopic ?? '', partition, offset, id: this.#name(id), key: keyText(key) }
        events.push({ kind, ...own, source, ...told })
        break
      }
      case 'committed':
        events.push({ kind, ...place })
        break
      case 'logStart':
        events.push({ kind, topic, partition, offset })
        break
      case 'stopping':
      case 'pending':
      case 'left':
        break
    }
  }

  /** What nobody took over ended, too. */
  done(): readonly HistoryEvent[] {
    for (const lives of this.#ends.values()) for (const life of lives) this.#end(life)
    return this.events
  }
}

export function historyOf(journal: Journal, facts: RecordedFacts): RecordedHistory {
  const { length } = journal
  const { tenures, lives } = livesOf(journal.entries(length))
  const builder = new Builder(facts, tenures, lives)
  for (const entry of journal.entries(length)) builder.hear(entry)
  const { topic, group, attempts, deadLetterTopic, readInFull, drained } = facts
  const groupFacts: GroupFacts = {
    topic,
    group,
    attempts,
    ordered: true,
    keyed: true,
    from: 'earliest',
    atMostOnce: false,
    deadLetterTopic,
  }
  const history: History = {
    events: builder.done(),
    groups: [groupFacts],
    readTopics: readInFull ? [topic] : [],
    drained: drained ? [`${group} of ${topic}`] : [],
  }
  return { history, torn: builder.torn, endedThreads: lives.filter(({ ended }) => ended).length }
}

/** What breaks a rule, in words. `endsMax`: how many handler threads ended, as far as the program knows. */
export function judgeJournal(journal: Journal, facts: RecordedFacts, endsMax: number): string[] {
  if (journal.isFull) return [`the journal is full after ${journal.capacity} entries: nothing can be judged`]
  const { history, torn, endedThreads } = historyOf(journal, facts)
  const problems = [...STREAM_RULES, ...GROUP_RULES, ...LETTER_RULES].flatMap(rule => rule(history))
  if (torn > endsMax) problems.push(`${torn} entries are torn, and ${endsMax} threads ended`)
  if (endedThreads > endsMax)
    problems.push(`${endedThreads} threads ended with a partition in hand, and only ${endsMax} were to`)
  return problems
}

/**
 * The same of a run that did not come to its end, so that a hang is told together with what led to it. What is on its
 * way to a reader is missing, so this may say too much: the run has failed anyway.
 */
export function judgeUnfinished(journal: Journal, facts: Omit<RecordedFacts, 'readInFull' | 'drained'>): string[] {
  const found = judgeJournal(journal, { ...facts, readInFull: false, drained: false }, Number.POSITIVE_INFINITY)
  return found.map(problem => `as far as it went, ${problem}`)
}
