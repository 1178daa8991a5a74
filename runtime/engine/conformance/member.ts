/**
 * A member of a group as the suite uses it: remembers what it was handed, settles what it is told to, and waits for more.
 *
 * The thread that runs the suite. Bound: the records of one case, a few hundred.
 */
import { equal, ok } from 'node:assert/strict'
import { nowMs, setTimeout } from '../../../actors/world.ts'
import type { GroupPort, Membership, Receiver } from '../engine.ts'
import type { DeliveredRecord } from '../records.ts'
import { textOf } from './sample-records.ts'

/** How long the suite waits, in ms. */
export interface Patience {
  /** For what must come. */
  readonly patienceMs: number
  /** For what must not. */
  readonly quietMs: number
}

/** Looks at what must come to be true this often. */
const LOOK_MS = 2

/** What a member does with each record, at once. */
export type Habit = 'keeps' | 'settles'

export class Member implements Receiver {
  readonly window: number
  /** In the order in which they came. */
  readonly taken: DeliveredRecord[] = []
  /** Taken and not settled at one time, at most. */
  most = 0
  failure: Error | null = null
  /** Partitions that went to another member. */
  readonly lost: Set<number> = new Set()
  readonly #patience: Patience
  readonly #unsettled = new Set<DeliveredRecord>()
  readonly #settling: Promise<void>[] = []
  #habit: Habit
  #membership: Promise<Membership> | null = null

  private constructor(patience: Patience, habit: Habit, window: number) {
    this.#patience = patience
    this.#habit = habit
    this.window = window
  }

  static async join(group: GroupPort, patience: Patience, habit: Habit, window: number): Promise<Member> {
    const member = new Member(patience, habit, window)
    member.#membership = group.join(member)
    await member.#membership
    return member
  }

  take(record: DeliveredRecord): void {
    this.taken.push(record)
    this.#unsettled.add(record)
    this.most = Math.max(this.most, this.#unsettled.size)
    if (this.#habit !== 'settles') return
    const settling = this.settle([record])
    // Heard of when it leaves.
    settling.catch(() => undefined)
    this.#settling.push(settling)
  }

  revoked(partition: number): void {
    this.lost.add(partition)
    for (const record of this.#unsettled) if (record.partition === partition) this.#unsettled.delete(record)
  }

  failed(error: Error): void {
    this.failure = error
  }

  /** Values of what it was handed, as text. */
  get values(): string[] {
    return this.taken.map(textOf)
  }

  /** What comes from now on is not settled. */
  keep(): void {
    this.#habit = 'keeps'
  }

  async settle(records: readonly DeliveredRecord[]): Promise<void> {
    for (const record of records) this.#unsettled.delete(record)
    await (await this.#membership)?.settle(records)
  }

  /** Waits until it was handed so many. */
  async has(count: number): Promise<void> {
    await until(
      this.#patience,
      () => this.taken.length >= count,
      () =>
        `a member was to be handed ${count} records, and was handed ${this.taken.length}: some are lost, or come too late`,
    )
  }

  /** Waits until it was handed so many, and looks whether more come. */
  async hasOnly(count: number): Promise<void> {
    await this.has(count)
    await pause(this.#patience.quietMs)
    equal(this.taken.length, count, `a member was to be handed ${count} records, and was handed more`)
  }

  async leave(): Promise<void> {
    await (await this.#membership)?.leave()
    await Promise.all(this.#settling.splice(0))
  }
}

/** Waits until something is true. */
export async function until(
  { patienceMs }: Patience,
  isSo: () => boolean | Promise<boolean>,
  orElse: () => string,
): Promise<void> {
  const end = nowMs() + patienceMs
  while (!(await isSo())) {
    ok(nowMs() < end, orElse())
    await pause(LOOK_MS)
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(() => resolve(), ms))
}
