/**
 * What the application of a simulation does with exchanges: it binds, unbinds, deletes and publishes to several queues, and handles what arrives.
 *
 * The simulated main thread, through the public API only. It says its lines to the judge of killed processes (exchange-killed-oracle.fixture.ts),
 * which are rules of Q9: a confirmed message is in all of its targets, in each of them once, and what nothing takes is refused. Where there is
 * one partition host, any message is in all of its targets or in none. Queues are on disk where there is one, and lose nothing.
 */
import { nowMs } from '../../../actors/world.ts'
import type { Broker } from '../../words/broker.ts'
import { isMillraceError, type PartlyRoutedError } from '../../words/errors.ts'
import type { Exchange } from '../../words/exchange.ts'
import type { Queue } from '../../words/queue.ts'
import { BINDINGS, type KilledBinding, ROUTES, type RoutedValue } from '../stress/exchange-killed.fixture.ts'
import { ExchangeKillOracle } from '../stress/exchange-killed-oracle.fixture.ts'
import { Chance } from './chance.ts'
import type { ExchangeSight } from './exchange-sights.ts'
import type { Lab } from './lab.ts'
import { sleep } from './producers.ts'

const QUEUES = ['x0', 'x1', 'x2', 'x3', 't0', 'rest'] as const
/** Small, so that messages wait for room. */
const LIMITS = { maxMessageBytes: 1_024, maxBytes: 8_192, deadLetter: false } as const
const SALT = 0x6a09e667
const SHARE = 0.35
/** What nobody can be told otherwise whose broker closes, or whose exchange is being deleted. */
const ENDED = ['MILL_CLOSED', 'MILL_TOPIC_DELETED']
/** A queue that has more to settle, and settles nothing for so long, hangs. */
const STILL_MS = 30_000
/** Publishes of the last process, and changes by each that makes them: what a seed costs is bounded. */
const LAST_MAX = 60

/** What all processes of a simulation know together. */
export class ExchangeFindings {
  readonly oracle: ExchangeKillOracle = new ExchangeKillOracle(code => ENDED.includes(code) || this.diskHasFailed)
  /** By queue, then by key: messages of it that were handled, by their ids. */
  readonly handled: Map<string, Map<string, Set<string>>> = new Map()
  diskHasFailed = false
  sequence = 0

  get sights(): ExchangeSight[] {
    const { confirmedInSeveral, unroutable, changed, unanswered } = this.oracle
    const seen: ExchangeSight[] = ['exchange']
    if (confirmedInSeveral > 0) seen.push('routed')
    if (unroutable > 0) seen.push('unroutable')
    if (changed > 4) seen.push('rebound')
    if (unanswered > 0) seen.push('routeUnanswered')
    return seen
  }
}

/** Null: this seed has no exchanges. Drawn from a stream of chance of its own. */
export function exchangesOf(seed: number): ExchangeFindings | null {
  return new Chance(seed ^ SALT).happens(SHARE) ? new ExchangeFindings() : null
}

export interface ExchangeUpcalls {
  broker(): Broker
  /** Partition hosts of the process. */
  hosts(): number
  isOver(): boolean
  /** Whether the process is there, and what it says is heard. */
  isHeard(): boolean
  diskFailed(error: unknown): boolean
  failed(error: unknown, what: string): void
  problem(what: string): void
}

export class ExchangeWork {
  readonly #lab: Lab
  readonly #findings: ExchangeFindings
  readonly #isStored: boolean
  readonly #around: ExchangeUpcalls
  readonly #queues = new Map<string, Queue<RoutedValue>>()
  readonly #exchanges = new Map<string, Exchange<RoutedValue>>()
  #mostEach = 0

  constructor(lab: Lab, findings: ExchangeFindings, isStored: boolean, around: ExchangeUpcalls) {
    this.#lab = lab
    this.#findings = findings
    this.#isStored = isStored
    this.#around = around
  }

  /** Everything that is done until nobody publishes any more, or, in the last process, for a while. */
  async live(life: number, isProducing: () => boolean, isLast: boolean): Promise<void> {
    if (life > 0) this.#findings.oracle.ended()
    this.#findings.oracle.hasOneHost = this.#around.hosts() === 1
    this.#mostEach = isLast ? LAST_MAX : Number.POSITIVE_INFINITY
    try {
      await this.#open(life)
    } catch (error) {
      if (!this.#around.isOver() && !isMillraceError(error, 'MILL_CLOSED'))
        this.#around.failed(error, 'opening exchanges')
      return
    }
    await this.#go(isProducing)
  }

  async #open(life: number): Promise<void> {
    const broker = this.#around.broker()
    const durability = this.#isStored ? 'fsync' : 'memory'
    for (const name of QUEUES) this.#queues.set(name, await broker.queue<RoutedValue>(name, { durability, ...LIMITS }))
    for (const [name, type] of [
      ['inner', 'fanout'],
      ['others', 'fanout'],
      ['events', 'topic'],
      ['strict', 'direct'],
    ] as const)
      await this.#declare(name, type)
    // Bindings that are there at all times.
    await this.#exchange('inner').bind(this.#queue('x3'))
    await this.#exchange('inner').bind(this.#queue('t0'))
    await this.#exchange('others').bind(this.#queue('rest'))
    if (life > 0) await this.#lookAgain()
    for (const [name, queue] of this.#queues)
      await queue.handle(({ id, value: { key } }) => {
        if (this.#around.isHeard()) this.#handled(name, key, id)
      })
  }

  async #go(isProducing: () => boolean): Promise<void> {
    const events = [...BINDINGS.keys()].filter(number => BINDINGS[number]?.exchange === 'events')
    const strict = [...BINDINGS.keys()].filter(number => BINDINGS[number]?.exchange === 'strict')
    await Promise.all([
      this.#bindOn(events, 0, isProducing),
      this.#bindOn(strict, 0.1, isProducing),
      this.#publishOn(isProducing),
    ])
  }

  /** The last process: all that was published has been handled, and is judged. */
  async drain(): Promise<void> {
    for (const [name, queue] of this.#queues) if (!(await this.#settlesAll(name, queue))) return
    const { oracle, handled } = this.#findings
    oracle.ended()
    const found = new Map(QUEUES.map(name => [name as string, new Map<string, number>()]))
    for (const [name, keys] of handled) for (const [key, ids] of keys) found.get(name)?.set(key, ids.size)
    oracle.found(found)
  }

  async #declare(name: string, type: 'fanout' | 'topic' | 'direct'): Promise<void> {
    const alternate = name === 'events' ? { alternate: 'others' } : {}
    this.#exchanges.set(name, await this.#around.broker().exchange<RoutedValue>(name, { type, ...alternate }))
  }

  #queue(name: string): Queue<RoutedValue> {
    return this.#queues.get(name) as Queue<RoutedValue>
  }

  #exchange(name: string): Exchange<RoutedValue> {
    return this.#exchanges.get(name) as Exchange<RoutedValue>
  }

  #say(line: string): void {
    if (this.#around.isHeard()) this.#findings.oracle.hear(line)
  }

  #handled(queue: string, key: string, id: string): void {
    const keys = this.#findings.handled.get(queue) ?? new Map<string, Set<string>>()
    const ids = keys.get(key) ?? new Set()
    this.#findings.handled.set(queue, keys.set(key, ids.add(id)))
  }

  /** What there is of the process before. */
  async #lookAgain(): Promise<void> {
    const routes: (readonly string[])[] = []
    for (const [exchange, key] of ROUTES) routes.push(await this.#exchange(exchange).route(key))
    this.#findings.oracle.routes(routes)
  }

  async #publishOn(isProducing: () => boolean): Promise<void> {
    const { chance } = this.#lab.scheduler
    for (let left = this.#mostEach; left > 0 && isProducing(); ) {
      const count = chance.between(1, 6)
      left -= count
      await Promise.all(Array.from({ length: count }, () => this.#publish()))
      // A process that is to end does so among its publishes.
      await sleep(chance.pick(this.#mostEach === LAST_MAX ? [1, 5, 60] : [0, 0, 3]))
    }
  }

  async #publish(): Promise<void> {
    const { chance } = this.#lab.scheduler
    const key = `m${this.#findings.sequence++}`
    const route = chance.below(ROUTES.length)
    const [exchange, routingKey] = ROUTES[route] as (typeof ROUTES)[number]
    this.#say(`p ${key} ${route}`)
    await this.#exchange(exchange)
      .publish(routingKey, { value: { key } })
      .then(
        ({ targets }) => this.#say(`P ${key} ${targets.join()}`),
        (error: PartlyRoutedError) => {
          if (this.#around.diskFailed(error)) this.#findings.diskHasFailed = true
          const { code, taken = [], refused = [], unknown = [] } = error
          this.#say(`F ${key} ${code} ${[taken, refused, unknown].map(names => names.join()).join(';')}`)
        },
      )
  }

  /** Makes these bindings and takes them away, and sometimes deletes their exchange. */
  async #bindOn(own: readonly number[], deletedShare: number, isProducing: () => boolean): Promise<void> {
    const { chance } = this.#lab.scheduler
    for (let left = this.#mostEach; left > 0 && isProducing(); left--) {
      try {
        if (chance.happens(deletedShare)) await this.#deleteAndDeclare(own)
        else await this.#change(chance.pick(own), chance.happens(0.6))
      } catch (error) {
        if (this.#around.isOver() || isMillraceError(error, 'MILL_CLOSED')) return
        this.#around.failed(error, 'binding')
        return
      }
      await sleep(chance.pick([0, 5, 60]))
    }
  }

  async #change(number: number, binds: boolean): Promise<void> {
    const { exchange, target, by } = BINDINGS[number] as KilledBinding
    const to = target === 'inner' ? this.#exchange(target) : this.#queue(target)
    this.#say(`${binds ? 'b' : 'u'} ${number}`)
    await (binds ? this.#exchange(exchange).bind(to, by) : this.#exchange(exchange).unbind(to, by))
    this.#say(`${binds ? 'B' : 'U'} ${number}`)
  }

  async #deleteAndDeclare(own: readonly number[]): Promise<void> {
    for (const number of own) this.#say(`u ${number}`)
    await this.#exchange('strict').delete()
    for (const number of own) this.#say(`U ${number}`)
    await this.#declare('strict', 'direct')
  }

  async #settlesAll(name: string, queue: Queue<RoutedValue>): Promise<boolean> {
    let last = ''
    let since = nowMs()
    for (;;) {
      const { ready, unacked, retrying, acked } = await queue.stats()
      if (ready + unacked + retrying === 0) return true
      const progress = `${ready} ready, ${unacked} unacked, ${retrying} retrying, ${acked} acked`
      if (progress !== last) since = nowMs()
      else if (nowMs() - since > STILL_MS) {
        this.#around.problem(`A5: queue ${name} is not drained: ${progress}`)
        return false
      }
      last = progress
      await sleep(200)
    }
  }
}
