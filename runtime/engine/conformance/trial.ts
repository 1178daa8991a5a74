/**
 * What a case works with: an engine, topics that no other case has, and members of their groups.
 *
 * The thread that runs the suite. Cases share one engine, since opening one may cost more than a case; each takes new topics and
 * leaves no member behind. A case that closes an engine opens its own.
 */
import { equal, fail } from 'node:assert/strict'
import type { Capabilities, WantedTopic } from '../capabilities.ts'
import { type Engine, type GroupPort, openTopic, type TopicPort } from '../engine.ts'
import { type Habit, Member, type Patience, pause } from './member.ts'

/** Longest wait for an engine to close. */
const CLOSE_MS = 10_000
/** Larger than what any case publishes. */
const WINDOW = 4_096

export class Trial implements Patience {
  readonly supports: Capabilities
  readonly patienceMs: number
  readonly quietMs: number
  readonly #open: (store: string) => Promise<Engine>
  readonly #stores: string
  #engine: Promise<Engine> | null = null
  #opened = 0
  #names = 0
  readonly #own: Engine[] = []
  readonly #members: Member[] = []

  constructor(
    open: (store: string) => Promise<Engine>,
    supports: Capabilities,
    { patienceMs, quietMs }: Patience,
    stores: string,
  ) {
    this.#open = open
    this.supports = supports
    this.patienceMs = patienceMs
    this.quietMs = quietMs
    this.#stores = stores
  }

  /** The engine that cases share. */
  engine(): Promise<Engine> {
    this.#engine ??= this.#open(this.newStore())
    return this.#engine
  }

  /** The name of a store that nothing was kept in. */
  newStore(): string {
    return `${this.#stores}-${++this.#opened}`
  }

  /** An engine of this case. */
  async own(store: string): Promise<Engine> {
    const engine = await this.#open(store)
    this.#own.push(engine)
    return engine
  }

  /** A name that no other topic of the suite has. */
  newName(): string {
    return `${this.#stores}-topic-${++this.#names}`
  }

  async topic(wanted: WantedTopic = {}): Promise<TopicPort> {
    return openTopic(await this.engine(), this.newName(), wanted)
  }

  /** A topic with one partition, of which all records are in one order. */
  lone(): Promise<TopicPort> {
    return this.topic({ partitions: 1 })
  }

  /** Partitions of a topic with several, as far as the engine has them. */
  get several(): number {
    return Math.min(3, this.supports.partitionsMax)
  }

  async join(group: GroupPort, habit: Habit, window: number = WINDOW): Promise<Member> {
    const member = await Member.join(group, this, habit, window)
    this.#members.push(member)
    return member
  }

  quiet(): Promise<void> {
    return pause(this.quietMs)
  }

  /** What a case has left behind, also one that failed. `isBroken`: the engine that cases share may be, too. */
  async tidy(isBroken: boolean): Promise<void> {
    const left = this.#members.splice(0).map(member => member.leave())
    const own = this.#own.splice(0)
    const shared = isBroken ? await this.#engine?.catch(() => null) : null
    if (isBroken) this.#engine = null
    await Promise.allSettled(left)
    for (const engine of [...own, shared]) await engine?.close(CLOSE_MS).catch(() => undefined)
  }

  async close(): Promise<void> {
    const engine = await this.#engine
    this.#engine = null
    await engine?.close(CLOSE_MS)
  }
}

/** That a call is refused with one of these codes. */
export async function refused(what: string, call: Promise<unknown>, ...codes: readonly string[]): Promise<void> {
  const error = await call.then(
    () => fail(`${what} was to be refused with ${codes.join(' or ')}, and was not`),
    (thrown: unknown) => thrown as { readonly code?: unknown; readonly message?: unknown },
  )
  const isExpected = codes.includes(String(error.code))
  equal(
    isExpected,
    true,
    `${what} was to be refused with ${codes.join(' or ')}, and was with: ${error.code} ${error.message}`,
  )
}

/** A case of the suite; `applies`: whether an engine that can do so much is to pass it. */
export interface Case {
  readonly name: string
  applies(supports: Capabilities): boolean
  run(trial: Trial): Promise<void>
}

export const ALWAYS = (): boolean => true
