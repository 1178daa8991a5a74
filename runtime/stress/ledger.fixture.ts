/**
 * What handlers did, written by them into shared memory, so that it survives their threads.
 *
 * One log per partition, which has one handler at a time: `entered` when a delivery begins, `finished` when it is over.
 *
 * ```
 * per partition   0 i32 entries   4 i32 0   then per entry   0 i32 offset * 2 + (1: finished)   4 i32 value
 * ```
 */

export interface LedgerEntry {
  readonly offset: number
  readonly value: number
  readonly finished: boolean
}

const ENTRIES_MAX = 1_000_000

export class Ledger {
  readonly buffer: SharedArrayBuffer
  readonly partitions: number
  readonly #words: Int32Array

  constructor(
    partitions: number,
    buffer: SharedArrayBuffer = new SharedArrayBuffer(partitions * (ENTRIES_MAX + 1) * 8),
  ) {
    this.buffer = buffer
    this.partitions = partitions
    this.#words = new Int32Array(buffer)
  }

  #add(partition: number, word: number, value: number): void {
    const base = partition * (ENTRIES_MAX + 1) * 2
    const count = this.#words[base] as number
    if (count === ENTRIES_MAX) throw new Error('the ledger is full')
    const at = base + 2 + count * 2
    this.#words[at] = word
    this.#words[at + 1] = value
    // Last, so that a thread that dies in between leaves whole entries only.
    Atomics.store(this.#words, base, count + 1)
  }

  entered(partition: number, offset: number, value: number): void {
    this.#add(partition, offset * 2, value)
  }

  finished(partition: number, offset: number, value: number): void {
    this.#add(partition, offset * 2 + 1, value)
  }

  count(partition: number): number {
    return Atomics.load(this.#words, partition * (ENTRIES_MAX + 1) * 2)
  }

  *entries(partition: number): Generator<LedgerEntry> {
    const base = partition * (ENTRIES_MAX + 1) * 2
    const count = this.count(partition)
    for (let index = 0; index < count; index++) {
      const word = this.#words[base + 2 + index * 2] as number
      yield { offset: word >> 1, value: this.#words[base + 3 + index * 2] as number, finished: (word & 1) === 1 }
    }
  }
}

/** The rules that one partition's deliveries break, in words: none lost, no gap, each rerun from the committed offset. */
export function judge(ledger: Ledger, partition: number, log: readonly number[]): string[] {
  const problems: string[] = []
  const say = (what: string): void => {
    if (problems.length < 5) problems.push(`partition ${partition}: ${what}`)
  }
  /** First offset not finished. */
  let next = 0
  let open = -1
  for (const { offset, value, finished } of ledger.entries(partition)) {
    if (log[offset] !== value) say(`offset ${offset} was delivered with value ${value}, and holds ${log[offset]}`)
    if (finished) {
      if (open !== offset) say(`offset ${offset} finished while ${open} was open`)
      open = -1
      if (offset > next) say(`offset ${offset} finished before ${next}`)
      next = Math.max(next, offset + 1)
      continue
    }
    // A handler may finish and die before its return is known: then it runs once more, and no earlier one does.
    if (offset !== next && offset !== next - 1) say(`offset ${offset} was delivered when ${next} was to come`)
    open = offset
  }
  if (next !== log.length) say(`${log.length} records are in the log, and ${next} were handled`)
  return problems
}
