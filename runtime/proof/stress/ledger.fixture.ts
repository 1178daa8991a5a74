/**
 * What handlers did and when, written by them into shared memory, so that it survives their threads.
 *
 * One log per partition, which has one handler at a time: `began` when a handler takes the partition over, `entered`
 * when a delivery begins, `finished` when it is over.
 *
 * ```
 * per partition   0 i32 entries   4 i32 0   8 f64 0
 * then per entry  0 i32 offset * 2 + (1: finished), -2: a handler began   4 i32 value   8 f64 when, by `clockMs`
 * ```
 */

export interface LedgerEntry {
  /** -1: a handler began. */
  readonly offset: number
  readonly value: number
  readonly finished: boolean
  readonly atMs: number
}

const ENTRY_WORDS = 4
const ENTRIES_MAX = 500_000
const LOG_WORDS = (ENTRIES_MAX + 1) * ENTRY_WORDS

/** The monotonic clock of the machine, the same on all threads, in ms. */
export function clockMs(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1_000 + nanoseconds / 1e6
}

export class Ledger {
  readonly buffer: SharedArrayBuffer
  readonly partitions: number
  readonly #words: Int32Array
  readonly #times: Float64Array

  constructor(partitions: number, buffer: SharedArrayBuffer = new SharedArrayBuffer(partitions * LOG_WORDS * 4)) {
    this.buffer = buffer
    this.partitions = partitions
    this.#words = new Int32Array(buffer)
    this.#times = new Float64Array(buffer)
  }

  #add(partition: number, word: number, value: number): void {
    const base = partition * LOG_WORDS
    const count = this.#words[base] as number
    if (count === ENTRIES_MAX) throw new Error('the ledger is full')
    const at = base + (count + 1) * ENTRY_WORDS
    this.#words[at] = word
    this.#words[at + 1] = value
    this.#times[(at + 2) >> 1] = clockMs()
    // Last, so that a thread that dies in between leaves whole entries only.
    Atomics.store(this.#words, base, count + 1)
  }

  began(partition: number): void {
    this.#add(partition, -2, 0)
  }

  entered(partition: number, offset: number, value: number): void {
    this.#add(partition, offset * 2, value)
  }

  finished(partition: number, offset: number, value: number): void {
    this.#add(partition, offset * 2 + 1, value)
  }

  count(partition: number): number {
    return Atomics.load(this.#words, partition * LOG_WORDS)
  }

  /** The entries from number `from` on. */
  *entries(partition: number, from = 0): Generator<LedgerEntry> {
    const base = partition * LOG_WORDS
    const count = this.count(partition)
    for (let index = from; index < count; index++) {
      const at = base + (index + 1) * ENTRY_WORDS
      const word = this.#words[at] as number
      yield {
        offset: word >> 1,
        value: this.#words[at + 1] as number,
        finished: (word & 1) === 1,
        atMs: this.#times[(at + 2) >> 1] as number,
      }
    }
  }
}

/**
 * The rules that one partition's deliveries break, in words: none lost, no gap, each rerun from the committed offset.
 * `log`: the values that the partition holds, by offset; `dead`: the offsets that were dead-lettered, which need not finish.
 */
export function judge(
  ledger: Ledger,
  partition: number,
  log: readonly number[],
  dead: ReadonlySet<number> = new Set(),
): string[] {
  const problems: string[] = []
  const say = (what: string): void => {
    if (problems.length < 5) problems.push(`partition ${partition}: ${what}`)
  }
  /** First offset not settled; the next to come. */
  let next = 0
  let open = -1
  let began = false
  for (const { offset, value, finished } of ledger.entries(partition)) {
    if (offset === -1) {
      began = true
      open = -1
      continue
    }
    if (log[offset] !== value) say(`offset ${offset} was delivered with value ${value}, and holds ${log[offset]}`)
    // A dead letter is settled: the next one may come.
    while (offset > next && dead.has(next)) next++
    if (finished) {
      if (open !== offset) say(`offset ${offset} finished while ${open} was open`)
      open = -1
      if (offset > next) say(`offset ${offset} finished before ${next}`)
      next = Math.max(next, offset + 1)
      continue
    }
    // A handler may finish and die before its return is known: then its successor begins with that one again.
    const isRerun = began && offset === next - 1 && !dead.has(offset)
    if (offset !== next && !isRerun) say(`offset ${offset} was delivered when ${next} was to come`)
    began = false
    open = offset
  }
  while (dead.has(next)) next++
  if (next !== log.length) say(`${log.length} records are in the log, and ${next} were handled`)
  return problems
}
