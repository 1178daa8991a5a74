/**
 * Plays one seed: a queue's core and its naive model get the same inputs, chosen by chance, and are compared after each
 * (queue-pair.fixture.ts); now and then by where each message is.
 */
import { Chance } from '../proof/sim/chance.ts'
import { PlayedLog } from './played-log.fixture.ts'
import type { QueueCore } from './queue-core.ts'
import type { QueueOracle } from './queue-oracle.fixture.ts'
import { Difference, QueuePair } from './queue-pair.fixture.ts'
import {
  hugeShareOf,
  planKey,
  planKeyConcurrency,
  planPolicy,
  planSizes,
  planStart,
  planTerms,
  planTimes,
  planUpdate,
} from './queue-plan.fixture.ts'
import {
  admissionOf,
  type ConsumerInput,
  consumerStateOf,
  type EndInput,
  isUpdate,
  MESSAGE_INPUTS,
  type MessageInput,
  type MessageState,
  type QueueInput,
  stateAt,
  stateOf,
  type UpdateInput,
  type Visits,
} from './queue-visits.fixture.ts'
import type { Admission, AppendedFields, HandOutRun, QueueLog, QueuePolicy } from './queue-words.ts'
import { RUN_MAX } from './runs.ts'

/** Consumers that a seed has at a time. */
const CONSUMERS = 4
/** Messages above which a queue without a limit gets no more for a while. */
const CROWD = 30
/** Steps between two looks at all messages. */
const LOOK_EVERY = 100

interface Handle {
  readonly consumer: number
  readonly slot: number
  readonly tag: number
}

class Driver {
  readonly #chance: Chance
  #policy: QueuePolicy
  readonly #visits: Visits
  readonly #trace: ((line: string) => void) | null
  readonly #hugeShare: number
  /** Whether messages have times. */
  readonly #timed: boolean
  readonly #log: PlayedLog
  readonly #start: number
  readonly #pair: QueuePair
  readonly #oracle: QueueOracle
  #nowMs = 1_000
  /** Admitted, and neither appended nor withdrawn. */
  #admitted: (Pick<Admission, 'takenBytes' | 'counted' | 'countedBytes'> & {
    readonly sizes: readonly number[]
    readonly times: Pick<AppendedFields, 'dueMs' | 'expiresMs'>
  })[] = []
  /** The last hand-out of each message. */
  readonly #handles = new Map<number, Handle>()

  constructor(seed: number, visits: Visits, trace: ((line: string) => void) | null) {
    this.#chance = new Chance(seed)
    this.#hugeShare = hugeShareOf(seed)
    this.#visits = visits
    this.#trace = trace
    this.#policy = planPolicy(this.#chance)
    this.#start = planStart(this.#chance)
    this.#timed = this.#chance.happens(0.6)
    this.#log = new PlayedLog(this.#start)
    const isGone = (core: QueueCore, offset: number): boolean =>
      offset < core.figures.end && core.next(offset) !== offset
    const logOf = (core: () => QueueCore): QueueLog => this.#log.without(offset => isGone(core(), offset))
    this.#pair = new QueuePair(this.#policy, this.#log, logOf, this.#start, trace)
    this.#oracle = this.#pair.oracle
    trace?.(`${JSON.stringify(this.#policy)} from ${this.#start}`)
  }

  play(inputs: number): void {
    for (let step = 0; step < inputs; step++) {
      this.#input()
      this.#pair.compareAll(this.#nowMs, this.#anyOffset())
      if (step % LOOK_EVERY === 0) this.#pair.compareEach()
    }
    this.#pair.compareEach()
  }

  #input(): void {
    const { messages, consumers } = this.#oracle
    if (this.#chance.happens(0.2)) this.#nowMs++
    this.#oracle.nowMs = this.#nowMs
    const roll = this.#chance.below(100)
    if (roll < 15) this.#take()
    else if (roll < 30) this.#takeRun()
    else if (roll < 62) this.#directed()
    else if (roll < 74) {
      if (messages.length < CROWD) this.#admit()
      else this.#directed()
    } else if (roll < 81) this.#appendOrWithdraw()
    else if (roll < 85) this.#consumer(consumers.length < 2 || this.#chance.happens(0.3) ? 'attach' : 'credit')
    else if (roll < 88) this.#end()
    else if (roll < 92) this.#time()
    else if (roll < 96) this.#letters()
    else if (roll < 98) this.#rebuild()
    else if (this.#chance.happens(0.35)) this.#purge()
    else this.#processDeath()
  }

  #take(): void {
    this.#met('take')
    const got = this.#pair.both('take', queue => {
      const handOut = queue.take(this.#nowMs)
      return handOut === null ? null : { ...handOut }
    })
    if (got !== null) this.#handles.set(got.offset, got)
  }

  #takeRun(): void {
    this.#met('take a run')
    const most = this.#chance.pick([1, 3, RUN_MAX])
    const room = this.#chance.pick([0, 25, 100, Number.POSITIVE_INFINITY])
    const got = this.#pair.both(`take a run of ${most} and ${room} bytes`, queue => {
      const run = queue.takeRun(most, consumer => room + consumer, this.#nowMs)
      return run === null ? null : namesOf(run)
    })
    for (const handle of got ?? []) this.#handles.set(handle.offset, handle)
  }

  /** A settlement of the last hand-out of a message, whatever has become of it since. */
  #directed(): void {
    // As handlers are called soon after a hand-out, so that several have begun when their consumer dies.
    const input = this.#chance.happens(0.25) ? 'begun' : this.#chance.pick(MESSAGE_INPUTS)
    const offset = this.#aimedAt(input)
    this.#visits.add(stateAt(this.#oracle, offset), input)
    const { consumer, slot, tag } = this.#handles.get(offset) ?? { consumer: 0, slot: 0, tag: 1 }
    const [at, rng] = this.#moment()
    const says = `${input} ${offset} (${consumer}.${slot}.${tag})`
    if (input === 'begun') this.#pair.both(says, queue => queue.begun(consumer, slot, tag, at.nowMs))
    else if (input === 'renew') this.#pair.both(says, queue => queue.renew(consumer, slot, tag, at.nowMs))
    else if (input === 'ack') this.#pair.both(says, queue => queue.ack(consumer, slot, tag))
    else if (input === 'ack a run') {
      const others = this.#oracle.heldBy(consumer).filter(other => other.tag !== tag && this.#chance.happens(0.7))
      const run = this.#chance.happens(0.5) ? [{ slot, tag }, ...others] : [...others, { slot, tag }, { slot, tag }]
      const [slots, tags] = [Int32Array.from(run, each => each.slot), Int32Array.from(run, each => each.tag)]
      const from = this.#chance.below(2)
      this.#pair.both(says, queue => queue.ackRun(consumer, slots, tags, from, run.length))
    } else if (input === 'nack') this.#pair.both(says, queue => queue.nack(consumer, slot, tag, null, at, rng))
    else if (input === 'nack with a delay') {
      const delayMs = this.#chance.pick([0, 20, 200])
      this.#pair.both(says, queue => queue.nack(consumer, slot, tag, delayMs, at, rng))
    } else if (input === 'reject') this.#pair.both(says, queue => queue.reject(consumer, slot, tag, 'rejected', at))
    else if (input === 'decode') this.#pair.both(says, queue => queue.reject(consumer, slot, tag, 'decode', at))
    else if (input === 'release') this.#pair.both(says, queue => queue.release(consumer, slot, tag))
    else if (input === 'take back') this.#pair.both(says, queue => queue.takeBack(consumer, slot, tag))
    else if (input === 'cancel what is out') this.#pair.both(says, queue => queue.cancelOut(consumer, slot, tag))
    else if (input === 'cancel') this.#pair.both(says, queue => queue.cancel(offset))
    else if (isUpdate(input)) this.#update(offset, input)
    else if (input === 'explain') this.#pair.both(says, queue => queue.explain(offset))
    else {
      // Others of its consumer are in the batch: held ones, and sometimes one that is held no longer.
      const others =
        input === 'fail a batch' ? this.#oracle.heldBy(consumer).filter(() => this.#chance.happens(0.7)) : []
      const batch = [{ slot, tag }, ...others.filter(other => other.tag !== tag)]
      if (input === 'fail a batch' && batch.length === 1) batch.push({ slot: 0, tag: 1 })
      this.#pair.both(says, queue => queue.failBatch(consumer, batch, at, rng))
    }
  }

  #update(offset: number, input: UpdateInput): void {
    const update = planUpdate(this.#chance, input, this.#policy.priorities, this.#nowMs)
    this.#pair.both(`${input} of ${offset}: ${JSON.stringify(update)}`, queue =>
      queue.update(offset, update, this.#nowMs, kept => this.#log.update(offset, kept)),
    )
    const message = this.#oracle.messages.find(each => each.offset === offset)
    if (message === undefined) return
    const { priority, expiresMs } = message
    const says = { priority: this.#log.priorityOf(offset), expiresMs: this.#log.expiresMsOf(offset) }
    this.#pair.same(`what the log says of ${offset}`, { priority, expiresMs }, says)
  }

  #admit(): void {
    this.#met('admit')
    const sizes = planSizes(this.#chance, this.#hugeShare)
    const plain = { dueMs: null, expiresMs: null }
    const times = this.#timed ? planTimes(this.#chance, sizes.length, this.#nowMs) : plain
    const dueMs = times.dueMs as readonly number[] | null
    const answer = this.#pair.both(`admit ${sizes} due at ${dueMs}`, queue => queue.admit(sizes, dueMs))
    const { length } = answer.dropped
    const gone = Math.min(length, this.#chance.pick([0, 1, 100, 100]))
    this.#pair.both(`${gone} are dropped`, queue => queue.dropped(gone))
    this.#visits.add(this.#policy.onFull, admissionOf(answer, gone))
    if (gone < length) {
      this.#pair.both('what had room is not appended', queue => queue.withdrawn(answer.counted, answer.countedBytes))
      return
    }
    if (answer.taken > 0) this.#admitted.push({ ...answer, sizes: sizes.slice(0, answer.taken), times })
    if (this.#chance.happens(0.7)) this.#appendOrWithdraw()
  }

  #appendOrWithdraw(): void {
    const admitted = this.#admitted.shift()
    if (admitted === undefined) {
      this.#take()
      return
    }
    const { sizes, times, takenBytes, counted, countedBytes } = admitted
    const isAppended = this.#chance.happens(0.85)
    this.#met(isAppended ? 'append' : 'withdraw')
    if (!isAppended) {
      this.#pair.both(`withdraw ${sizes}`, queue => queue.withdrawn(counted, countedBytes))
      return
    }
    const plain = this.#policy.priorities === 1 || this.#chance.happens(0.1)
    const priorities = plain ? null : sizes.map(() => this.#chance.below(this.#policy.priorities))
    for (const [index, bytes] of sizes.entries()) {
      const [dueMs, expiresMs] = [times.dueMs?.[index] ?? 0, times.expiresMs?.[index] ?? 0]
      this.#log.push({ bytes, priority: priorities?.[index] ?? 0, key: planKey(this.#chance), dueMs, expiresMs })
    }
    const fields = this.#timed || priorities !== null ? { priorities, ...times } : null
    this.#pair.both(`append ${sizes} with ${JSON.stringify(fields)}`, queue =>
      queue.appended(sizes.length, takenBytes, fields),
    )
  }

  #consumer(input: 'attach' | 'credit'): void {
    this.#met(input)
    const number = this.#chance.below(CONSUMERS)
    this.#metBy(number, input)
    const terms = planTerms(this.#chance)
    if (input === 'attach') {
      this.#pair.both(`attach ${number} ${JSON.stringify(terms)}`, queue => {
        try {
          return queue.attach(number, terms)
        } catch (error) {
          return error instanceof RangeError ? error.message : 'another error'
        }
      })
    } else
      this.#pair.both(`credit ${number} ${terms.prefetch} ${terms.prefetchBytes}`, queue =>
        queue.credit(number, terms.prefetch, terms.prefetchBytes),
      )
  }

  #end(): void {
    const { consumers } = this.#oracle
    const isThere = consumers.length > 0 && this.#chance.happens(0.9)
    const number = isThere ? this.#chance.pick(consumers).number : this.#chance.below(CONSUMERS)
    const input = this.#chance.pick(['detach', 'die, one known', 'die, none known', 'die, none known'] as const)
    this.#endOf(number, input)
  }

  /** All of a process's consumers, which are all that there are. */
  #processDeath(): void {
    for (let number = 0; number < CONSUMERS; number++) this.#endOf(number, 'die with the process')
  }

  #endOf(number: number, input: EndInput): void {
    this.#metBy(number, input)
    for (const message of this.#oracle.heldBy(number)) this.#visits.add(stateOf(this.#oracle, message), input)
    if (input === 'detach') {
      this.#pair.both(`detach ${number}`, queue => queue.detach(number))
      return
    }
    const begun = this.#oracle.heldBy(number).filter(message => message.begun)
    const executing = input === 'die, one known' && begun.length > 0 ? this.#chance.pick(begun).tag : 0
    const cause = this.#chance.pick(['crashed', 'timeout'] as const)
    const [at, rng] = this.#moment()
    const death = { cause, executing, withProcess: input === 'die with the process' }
    this.#pair.both(`${number}: ${input}, ${executing}`, queue => queue.died(number, death, at, rng))
  }

  #time(): void {
    this.#nowMs += this.#chance.pick([0, 0, 1, 10, 50])
    // The moment at which something is due, and the one before.
    const { dueMs } = this.#oracle
    if (dueMs < Number.POSITIVE_INFINITY && this.#chance.happens(0.4))
      this.#nowMs = Math.max(this.#nowMs, dueMs - this.#chance.below(2))
    this.#oracle.nowMs = this.#nowMs
    const roll = this.#chance.below(4)
    if (roll === 0 || roll === 3) this.#timeOut()
    if (roll === 1 || roll === 3) this.#due()
    if (roll === 2 || roll === 3) this.#expire()
    // With a rate it is hand-outs that are due.
    if (roll === 3 && this.#policy.rate === null && !(this.#pair.core.dueMs > this.#nowMs))
      throw new Difference(`due at ${this.#pair.core.dueMs}, though all was done that was due`)
  }

  #timeOut(): void {
    this.#met('time out')
    const [at, rng] = this.#moment()
    this.#pair.both(`time out at ${at.nowMs}`, queue => queue.timeOut(at, rng))
  }

  #due(): void {
    this.#met('due')
    this.#pair.both(`due at ${this.#nowMs}`, queue => {
      const { retried, count, offsets, place } = queue.due(this.#nowMs)
      return { retried, count, offsets: [...offsets.subarray(0, count)], place }
    })
  }

  #expire(): void {
    this.#met('expire')
    const found = this.#pair.core.expire(this.#nowMs)
    const order = found.map(({ offset }) => offset)
    const expected = this.#oracle.expire(this.#nowMs, order)
    this.#trace?.(`expire at ${this.#nowMs} -> ${JSON.stringify(expected)}`)
    this.#pair.same(`expire at ${this.#nowMs}`, expected, found)
    this.#pair.same(
      'overdue',
      this.#oracle.overdue,
      this.#pair.core.overdue.toSorted((a, b) => a.offset - b.offset),
    )
  }

  #letters(): void {
    const roll = this.#chance.below(6)
    if (roll < 3) {
      this.#met('next letter')
      this.#pair.both('next letter', queue => queue.nextLetter())
    } else if (roll < 5) {
      this.#met('letters written')
      const written = this.#chance.between(0, this.#oracle.sent)
      this.#pair.both(`${written} letters written`, queue => queue.lettersWritten(written))
    } else {
      this.#met('letters refused')
      this.#pair.both('letters refused', queue => queue.lettersRefused())
    }
  }

  #purge(): void {
    this.#met('purge')
    const from = this.#chance.happens(0.7) ? 0 : this.#chance.below(this.#oracle.end + 1)
    const to = this.#chance.happens(0.7) ? Number.POSITIVE_INFINITY : this.#chance.below(this.#oracle.end + 1)
    const most = this.#chance.happens(0.5) ? Number.POSITIVE_INFINITY : this.#chance.below(10)
    this.#pair.both(`purge ${most} from ${from} to ${to}`, queue => {
      const gone: number[] = []
      const next = queue.purge({ from, to, most }, offset => gone.push(offset))
      return { gone, next, first: queue.next(from) }
    })
  }

  #rebuild(): void {
    this.#met('rebuild')
    const { keyConcurrency } = this.#policy
    const mayChange = this.#oracle.counters().unacked === 0 && this.#chance.happens(0.3)
    this.#policy = { ...this.#policy, keyConcurrency: mayChange ? planKeyConcurrency(this.#chance) : keyConcurrency }
    this.#pair.rebuild(this.#policy, keyConcurrency)
    this.#admitted = []
  }

  #met(input: QueueInput): void {
    const seen = new Set<MessageState>()
    for (const message of this.#oracle.messages) seen.add(stateOf(this.#oracle, message))
    if (this.#oracle.settled.size > 0) seen.add('settled')
    for (const state of seen) this.#visits.add(state, input)
  }

  #metBy(number: number, input: ConsumerInput): void {
    this.#visits.add(`consumer ${consumerStateOf(this.#oracle, this.#oracle.consumerOf(number))}`, input)
  }

  /** A message of a kind that there is, each kind as often as the other; a settlement is mostly of one that is out. */
  #aimedAt(input: MessageInput): number {
    const { messages } = this.#oracle
    if (messages.length === 0 || this.#chance.happens(0.15)) return this.#anyOffset()
    const out = messages.filter(({ state }) => state === 'unacked')
    const suspect = out.find(message => message.suspect)
    if (suspect !== undefined && this.#chance.happens(0.2)) return suspect.offset
    if (input !== 'cancel' && !isUpdate(input) && out.length > 0 && this.#chance.happens(input === 'begun' ? 0.9 : 0.4))
      return this.#chance.pick(out).offset
    const state = stateOf(this.#oracle, this.#chance.pick(messages))
    const alike = messages.filter(message => stateOf(this.#oracle, message) === state)
    return this.#chance.pick(alike).offset
  }

  #anyOffset(): number {
    return this.#chance.between(this.#start, this.#oracle.end + 1)
  }

  #moment(): readonly [{ readonly nowMs: number; readonly wallMs: number }, () => number] {
    const share = this.#chance.next()
    return [{ nowMs: this.#nowMs, wallMs: 5_000_000 + this.#nowMs }, () => share]
  }
}

/** The messages of a run, each by its names, and all that is said of the first. */
function namesOf({ first, count, slots, tags, offsets }: HandOutRun): (Handle & { readonly offset: number })[] {
  return Array.from({ length: count }, (_, at) => ({
    ...(at === 0 ? first : null),
    slot: slots[at] as number,
    tag: tags[at] as number,
    offset: offsets[at] as number,
    consumer: first.consumer,
  }))
}

/** What a seed found: null, or how core and model differ first. What the core throws is a finding too. */
export function playSeed(
  seed: number,
  inputs: number,
  visits: Visits,
  trace: ((line: string) => void) | null = null,
): string | null {
  try {
    new Driver(seed, visits, trace).play(inputs)
    return null
  } catch (error) {
    if (error instanceof Difference) return `seed ${seed}: ${error.message}`
    return `seed ${seed}: ${error instanceof Error ? error.stack : error}`
  }
}
