/**
 * What must be where after the death of a process that bound, unbound and published: judged from the lines that it said.
 *
 * The parent. Pure. Each binding is there for certain, or may be there. A publish goes by what was certain when it began and was not unbound
 * before its answer, and by nothing that could not be there meanwhile. Where messages go by a set of bindings the naive model says.
 *
 * ```
 * b N, B N              before binding N is bound, and once that has resolved
 * u N, U N              the same of its end
 * p KEY ROUTE           before a message is published by that route
 * P KEY NAME,NAME       all these targets have it
 * F KEY CODE TAKEN;REFUSED;UNKNOWN    it was not confirmed; names by commas, for MILL_PARTLY_ROUTED
 * ```
 */
import { NaiveExchanges } from '../../routing/naive-exchanges.fixture.ts'
import { BINDINGS, ROUTES, TOPIC } from './exchange-killed.fixture.ts'

interface Publish {
  readonly route: number
  /** Bindings. */
  readonly must: Set<number>
  readonly may: Set<number>
  /** Targets that have it for certain, and that may have it; null: it was not answered. */
  /** All targets are on one host: they have it together, or not at all. */
  readonly isTogether: boolean
  answer: { readonly has: readonly string[]; readonly may: readonly string[] } | null
}

/** How often a target has each message. */
export type Found = ReadonlyMap<string, ReadonlyMap<string, number>>

export class ExchangeKillOracle {
  readonly problems: string[] = []
  readonly #certain = new Set<number>()
  readonly #possible = new Set<number>()
  #publishes = new Map<string, Publish>()
  confirmed = 0
  /** Of those, the ones with several targets. */
  confirmedInSeveral = 0
  unroutable = 0
  changed = 0
  readonly #mayFail: (code: string) => boolean
  /** At the deaths. */
  unanswered = 0
  unansweredBindings = 0
  /** Whether the process has one partition host. */
  hasOneHost = false
  /** Messages that some of several targets could have had, and that were in all or none. */
  together = 0

  /** `mayFail`: whether a publish may come to this end, after which its targets may have it or not. */
  constructor(mayFail: (code: string) => boolean = () => false) {
    this.#mayFail = mayFail
  }

  hear(line: string): void {
    const [what, key = '', ...rest] = line.split(' ')
    const number = Number(key)
    switch (what) {
      case 'b':
        this.#possible.add(number)
        for (const publish of this.#publishes.values()) if (publish.answer === null) publish.may.add(number)
        return
      case 'B':
        this.changed++
        this.#certain.add(number)
        return
      case 'u':
        this.#certain.delete(number)
        for (const publish of this.#publishes.values()) if (publish.answer === null) publish.must.delete(number)
        return
      case 'U':
        this.changed++
        this.#possible.delete(number)
        return
      case 'p':
        this.#publishes.set(key, {
          route: Number(rest[0]),
          must: new Set(this.#certain),
          may: new Set(this.#possible),
          isTogether: this.hasOneHost,
          answer: null,
        })
        return
      case 'P':
        this.#confirmed(key, namesOf(rest[0]))
        return
      case 'F':
        this.#failed(key, rest[0] ?? '', rest[1] ?? ';;')
    }
  }

  #confirmed(key: string, targets: readonly string[]): void {
    const publish = this.#publishes.get(key) as Publish
    publish.answer = { has: targets, may: targets }
    this.confirmed++
    if (targets.length > 1) this.confirmedInSeveral++
    if (targets.length === 0) this.problems.push(`${key} was confirmed without a target`)
    this.#judge(`the publish of ${key}`, publish.route, publish.must, publish.may, targets)
  }

  #failed(key: string, code: string, lists: string): void {
    const publish = this.#publishes.get(key) as Publish
    const [taken, refused, unknown] = lists.split(';').map(namesOf) as [string[], string[], string[]]
    publish.answer = { has: taken, may: [...taken, ...unknown] }
    if (code === 'MILL_UNROUTABLE') {
      this.unroutable++
      this.#judge(`the refusal of ${key}`, publish.route, publish.must, publish.may, [])
    } else if (code !== 'MILL_PARTLY_ROUTED') {
      publish.answer = { has: [], may: this.#allowed(publish) }
      if (!this.#mayFail(code)) this.problems.push(`${key} failed with ${code}`)
    } else if (taken.length + refused.length + unknown.length < 2)
      this.problems.push(`${key} failed in part, with ${lists}`)
  }

  /** The process has ended: nothing more is answered. */
  ended(): void {
    for (const publish of this.#publishes.values()) {
      if (publish.answer !== null) continue
      this.unanswered++
      publish.answer = { has: [], may: this.#allowed(publish) }
    }
    this.unansweredBindings += [...this.#possible].filter(number => !this.#certain.has(number)).length
  }

  /** Where messages go by each route, in the next process. */
  routes(routes: readonly (readonly string[])[]): void {
    for (const [route, targets] of routes.entries())
      this.#judge('what would be published now', route, this.#certain, this.#possible, targets)
  }

  /** What was found of all that was published since this was called last. */
  found(found: Found): void {
    const known = this.#publishes
    this.#publishes = new Map()
    for (const [target, messages] of found)
      for (const key of messages.keys()) if (!known.has(key)) this.problems.push(`${target} has ${key}, never sent`)
    for (const [key, publish] of known) {
      const { has, may } = publish.answer ?? { has: [], may: this.#allowed(publish) }
      for (const [target, messages] of found) {
        const times = messages.get(key) ?? 0
        if (times > 1) this.problems.push(`${target} has ${key} ${times} times`)
        if (times > 0 && !may.includes(target)) this.problems.push(`${target} has ${key}, which was not to go there`)
        if (times === 0 && has.includes(target)) this.problems.push(`${target} lost ${key}`)
      }
      this.#judgeTogether(key, publish, found)
    }
  }

  /** Of the targets that a message had for certain, all have it or none. */
  #judgeTogether(key: string, { route, must, isTogether, answer }: Publish, found: Found): void {
    const targets = targetsOf(route, must)
    if (!isTogether || targets.length < 2) return
    const having = targets.filter(target => (found.get(target)?.get(key) ?? 0) > 0)
    if (having.length > 0 && having.length < targets.length)
      this.problems.push(`of [${targets}] on one host only [${having}] have ${key}`)
    else if (answer === null || answer.has.length === 0) this.together++
  }

  /** Whether a message may have gone to these targets and to no other. */
  #judge(
    what: string,
    route: number,
    must: ReadonlySet<number>,
    may: ReadonlySet<number>,
    targets: readonly string[],
  ): void {
    const [least, most] = [targetsOf(route, must), targetsOf(route, may)]
    const wrong = (why: string): void => {
      this.problems.push(`${what} by ${ROUTES[route]} went to [${targets}]: ${why} [${least}] to [${most}]`)
    }
    const rest = restOf(route)
    if (targets.join() === rest.join()) {
      if (least.length > 0) wrong('not to what is bound for certain,')
      return
    }
    if (new Set(targets).size < targets.length) wrong('twice to one, of')
    if (least.some(target => !targets.includes(target))) wrong('not to all of')
    if (targets.some(target => !most.includes(target))) wrong('to others than')
  }

  /** Targets that may have a message of which nothing was said. */
  #allowed({ route, must, may }: Publish): readonly string[] {
    const most = targetsOf(route, may)
    return targetsOf(route, must).length === 0 ? [...most, ...restOf(route)] : most
  }
}

/** Where a message goes that no binding takes. */
function restOf(route: number): readonly string[] {
  return ROUTES[route]?.[0] === 'events' ? ['rest'] : []
}

/** Where messages of a route go by these bindings, without the alternate: more bindings then never lead to less. */
function targetsOf(route: number, bindings: ReadonlySet<number>): readonly string[] {
  const naive = new NaiveExchanges()
  naive.declare('events', 'topic', null)
  naive.declare('strict', 'direct', null)
  naive.declare('inner', 'fanout', null)
  naive.bind('inner', { kind: 'queue', name: 'x3' }, '')
  naive.bind('inner', { kind: 'topic', name: TOPIC }, '')
  for (const number of bindings) {
    const { exchange, target, by } = BINDINGS[number] as (typeof BINDINGS)[number]
    naive.bind(exchange, { kind: target === 'inner' ? 'exchange' : 'queue', name: target }, by)
  }
  const [exchange, key] = ROUTES[route] as (typeof ROUTES)[number]
  return naive.route(exchange, key, {})
}

function namesOf(list: string | undefined): string[] {
  return list === undefined || list === '' ? [] : list.split(',')
}
