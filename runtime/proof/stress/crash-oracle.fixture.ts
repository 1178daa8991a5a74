/**
 * What is known of one folder whose processes are killed, and what it must hold because of that.
 *
 * The parent; it hears lines of the processes (crash-child.fixture.ts) by a pipe, whose bytes survive their writer. Of `work`
 * everything is kept for ever; of `kept`, which has retention, the last records; of each topic that was born in a life, all
 * that was acknowledged. Bound: a few words for each record.
 */
import { CRASHED } from './crash-topics.fixture.ts'

/** A record as it was found. */
export interface FoundRecord {
  readonly offset: number
  /** `LIFE:SEQUENCE`. */
  readonly value: string
  readonly bytes: number
}

export class CrashOracle {
  readonly problems: string[] = []
  readonly handled: Set<string> = new Set()
  receipts = 0
  /** Acknowledged in `work`, by partition and offset. */
  readonly #acked = new Map<string, string>()
  /** The same of `kept`, by offset. */
  readonly #kept = new Map<number, string>()
  /** Where `kept` began when it was looked at last. */
  #keptFrom = 0
  /** How many sequences each life has begun to publish. */
  readonly #sent = new Map<number, number>()
  /** What was acknowledged in the topic of each life, by offset. */
  readonly #born = new Map<number, Map<number, string>>()
  /** The same of its last partition, once the topic was to have more of them; `isSure`: and has them. */
  readonly #grown = new Map<number, { readonly acked: Map<number, string>; isSure: boolean }>()

  hear(life: number, line: string): void {
    const [word, ...rest] = line.split(' ')
    const [first = '', second = '', third = ''] = rest
    if (word === 's') this.#sent.set(life, Number(first))
    else if (word === 'h') this.handled.add(`${first}/${second}`)
    else if (word === 't') this.#born.set(life, new Map())
    else if (word === 'g') this.#grown.set(life, { acked: new Map(), isSure: false })
    else if (word === 'G') Object.assign(this.#grown.get(life) ?? {}, { isSure: true })
    else if (word === 'c')
      this.#acknowledged(this.#grown.get(life)?.acked ?? new Map(), Number(first), `${life}:${second}`)
    else if (word === 'a') this.#acknowledged(this.#acked, `${first}/${second}`, `${life}:${third}`)
    else if (word === 'k') this.#acknowledged(this.#kept, Number(first), `${life}:${second}`)
    else if (word === 'b') this.#acknowledged(this.#born.get(life) ?? new Map(), Number(first), `${life}:${second}`)
  }

  #acknowledged<K extends string | number>(acked: Map<K, string>, place: K, value: string): void {
    this.receipts++
    const known = acked.get(place)
    if (known !== undefined) this.problems.push(`two receipts for ${place}: ${known} and ${value}`)
    acked.set(place, value)
  }

  /** The lives that began to make a topic of their own. */
  get born(): readonly number[] {
    return [...this.#born.keys()]
  }

  /** Judges all that is in `work`: values by partition, then offset. */
  judge(found: readonly (readonly string[])[]): void {
    const places = new Map<string, string>()
    const latest = new Map<string, readonly [number, number]>()
    for (const [partition, values] of found.entries()) {
      for (const [offset, value] of values.entries()) {
        const [life, sequence] = value.split(':').map(Number) as [number, number]
        const place = `${partition}/${offset}`
        if (sequence >= (this.#sent.get(life) ?? 0)) this.problems.push(`${value} at ${place} was never sent`)
        const other = places.get(value)
        if (other !== undefined) this.problems.push(`${value} is at ${other} and at ${place}`)
        places.set(value, place)
        const key = `${sequence % CRASHED.keys}`
        const [lastLife, lastSequence] = latest.get(key) ?? [-1, -1]
        if (life < lastLife || (life === lastLife && sequence <= lastSequence))
          this.problems.push(`${value} at ${place} comes after ${lastLife}:${lastSequence} of the same key`)
        latest.set(key, [life, sequence])
      }
    }
    for (const [place, value] of this.#acked) {
      const [partition, offset] = place.split('/').map(Number) as [number, number]
      const there = found[partition]?.[offset]
      if (there !== value) this.problems.push(`${value} was acknowledged at ${place}, where ${there ?? 'nothing'} is`)
    }
  }

  /** After the group has nothing left to handle. */
  judgeHandled(found: readonly (readonly string[])[]): void {
    for (const [partition, values] of found.entries())
      for (const offset of values.keys())
        if (!this.handled.has(`${partition}/${offset}`)) this.problems.push(`${partition}/${offset} was never handled`)
  }

  /** Judges `kept`: only its oldest may be gone, and no more of them than retention asks for. */
  judgeKept(found: readonly FoundRecord[]): void {
    const start = found[0]?.offset ?? 0
    const end = start + found.length
    let bytes = 0
    for (const [at, record] of found.entries()) {
      bytes += record.bytes
      if (record.offset !== start + at) this.problems.push(`kept has ${record.offset} where ${start + at} should be`)
    }
    if (start < this.#keptFrom) this.problems.push(`kept begins at ${start}, and began at ${this.#keptFrom}`)
    const least = CRASHED.kept.retentionBytes - 2 * CRASHED.kept.segmentBytes
    if (start > this.#keptFrom && bytes < least) this.problems.push(`kept has ${bytes} bytes left of at least ${least}`)
    this.#keptFrom = start
    for (const [offset, value] of this.#kept) {
      if (offset < start) this.#kept.delete(offset)
      else if (found[offset - start]?.value !== value)
        this.problems.push(`${value} was acknowledged at ${offset} of kept, which is from ${start} to ${end}`)
    }
  }

  /** Judges the topic that was made in a life, by partition: it has as many as it had, or was to have. */
  judgeBorn(life: number, found: readonly (readonly FoundRecord[])[]): void {
    const { partitions } = CRASHED.born
    const grown = this.#grown.get(life)
    const counts = grown === undefined ? [partitions] : [partitions + CRASHED.more]
    if (grown?.isSure === false) counts.push(partitions)
    if (!counts.includes(found.length))
      this.problems.push(`the topic of life ${life} has ${found.length} partitions, not ${counts.join(' or ')}`)
    this.#judgeAcked(this.#born.get(life) ?? new Map(), found[0] ?? [])
    this.#judgeAcked(grown?.acked ?? new Map(), found.at(-1) ?? [])
  }

  #judgeAcked(acked: ReadonlyMap<number, string>, found: readonly FoundRecord[]): void {
    for (const [offset, value] of acked) {
      const there = found[offset]
      if (there?.offset !== offset || there.value !== value)
        this.problems.push(
          `${value} was acknowledged at ${offset} of its life's topic, which has ${found.length} records`,
        )
    }
  }
}
