/**
 * A work queue that is obviously right and slow: an array of messages, each with its state, looked through each time. It
 * has the calls of `QueueCore`, and answers as that must. No code is shared with it but the types.
 */
import type { Instant } from '../base/clock.ts'
import { admitTo } from './oracle-admission.fixture.ts'
import { countsOf, newMessage, type OracleConsumer, type OracleMessage } from './oracle-message.fixture.ts'
import { handOutOf, OracleRound, runOf } from './oracle-run.fixture.ts'
import { canExpire, firstMoment, isOver, OracleSchedule, overdueOf, putOff } from './oracle-times.fixture.ts'
import { giveTurnsAnew, goesFirst, OracleRate } from './oracle-turns.fixture.ts'
import { OracleVerdicts, type Rng } from './oracle-verdicts.fixture.ts'
import type {
  Admission,
  AppendedFields,
  ConsumerDeath,
  DueMessages,
  HandOut,
  HandOutRun,
  OverdueMessage,
  QueueCounters,
  QueueEffect,
  QueueExplanation,
  QueueHold,
  QueueLog,
  QueuePolicy,
} from './queue-words.ts'
import type { MessageUpdate } from './updating.ts'

export class QueueOracle extends OracleVerdicts {
  readonly log: QueueLog
  readonly start: number
  end: number
  chosen: OracleMessage[] = []
  reserved: { messages: number; bytes: number } = { messages: 0, bytes: 0 }
  #tag = 0
  #cohort = 0
  #tookMs = 0
  #round = new OracleRound()
  readonly #schedule = new OracleSchedule()
  readonly #rate: OracleRate
  nowMs = 0
  overdue: readonly OverdueMessage[] = []

  constructor(policy: QueuePolicy, log: QueueLog, start: number) {
    super(policy)
    this.log = log
    this.start = start
    this.end = start
    this.#rate = new OracleRate(policy.rate)
  }

  admit(sizes: readonly number[], dueMs: readonly number[] | null): Admission {
    return admitTo(this, sizes, dueMs)
  }

  dropped(count: number): void {
    const chosen = this.chosen
    this.chosen = []
    // What waits for its turn gets none before it goes.
    const gone = chosen.slice(0, count).sort((a, b) => Math.min(a.keyTurn, 1) - Math.min(b.keyTurn, 1))
    for (const message of gone) this.settle(message, this.policy.hasDeadLetters ? 'deadLettered' : 'dropped')
  }

  appended(count: number, bytes: number, fields: AppendedFields | null): void {
    this.withdrawn(count, bytes)
    for (let index = 0; index < count; index++) {
      const message = newMessage(this.end, this.log, fields, index)
      this.end++
      this.totals.accepted++
      if (message.state === 'scheduled') this.withdrawn(-1, -message.bytes)
      if (message.state === 'scheduled') this.#schedule.note(message)
      this.messages.push(message)
    }
    this.giveTurns()
  }

  withdrawn(count: number, bytes: number): void {
    this.reserved.messages -= count
    this.reserved.bytes -= bytes
  }

  detach(number: number): QueueEffect[] {
    if (this.consumerOf(number) === undefined) return []
    const effects = this.heldBy(number).map(message => this.comesBack(message, message.suspect && !message.begun))
    this.remove(number)
    return effects
  }

  died(number: number, { cause, executing, withProcess }: ConsumerDeath, at: Instant, rng: Rng): QueueEffect[] {
    if (this.consumerOf(number) === undefined) return []
    const begun = this.heldBy(number).filter(message => message.begun)
    let guilty: OracleMessage | undefined
    if (withProcess) guilty = begun.find(message => message.suspect)
    else guilty = begun.find(message => message.tag === executing) ?? (begun.length === 1 ? begun[0] : undefined)
    const effects = this.heldBy(number).map(message => {
      if (message === guilty) return this.fails(message, cause, true, null, at, rng)
      if (!message.begun) return this.comesBack(message, message.suspect)
      return this.comesBack(message, guilty === undefined)
    })
    this.remove(number)
    return effects
  }

  take(nowMs: number): HandOut | null {
    this.#tookMs = nowMs
    this.#rate.look(nowMs)
    if (this.#rate.left === 0) return null
    const ready = this.ready()
    const first = ready[0]
    if (first === undefined) return null
    const emptying = this.#emptying()
    if (first.suspect && !this.#suspectIsOut()) {
      const empty = this.line().find(consumer => this.heldBy(consumer.number).length === 0)
      if (empty !== undefined) return isOver(first, nowMs) ? null : this.#handOut(first, empty)
    }
    const message = ready.find(({ suspect }) => !suspect)
    if (message === undefined || this.#isHeldBack(message) || isOver(message, nowMs)) return null
    const consumer = this.line().find(each => each !== emptying && this.fits(each, message))
    return consumer === undefined ? null : this.#handOut(message, consumer)
  }

  takeRun(most: number, bytesFor: (consumer: number) => number, nowMs: number): HandOutRun | null {
    const waiting = this.ready()
    const first = this.take(nowMs)
    if (first === null) return null
    const { priority } = first
    const [consumer, got] = [this.consumerOf(first.consumer) as OracleConsumer, [first]]
    const alike = waiting.filter(message => message.priority === priority).length
    if (first.deliveryAttempt === 1 && !waiting.some(({ suspect }) => suspect)) {
      const inLine = (): number => this.line().filter(each => each.priority === consumer.priority).length
      const line = inLine() + (this.hasRoom(consumer) ? 0 : 1)
      const share = this.#round.share(`${priority} ${line} ${alike}`, Math.ceil(alike / line), line)
      let room = bytesFor(first.consumer) - first.bytes
      while (got.length < Math.min(most, share) && this.#rate.left > 0) {
        const next = this.ready()[0]
        if (next === undefined || next.priority !== priority || next.handOuts > 0 || next.bytes > room) break
        if (!this.hasRoom(consumer) || !this.fits(consumer, next) || isOver(next, nowMs)) break
        room -= next.bytes
        got.push(this.#handOut(next, consumer))
      }
      this.#round.next = `${priority} ${inLine()} ${alike - got.length}`
    }
    return runOf(got)
  }

  begun(consumer: number, slot: number, tag: number, nowMs: number): boolean {
    const message = this.#held(consumer, slot, tag)
    if (message !== undefined && !message.begun) {
      message.begun = true
      message.beganMs = nowMs
      message.began = this.tick()
    }
    return message !== undefined
  }

  renew(consumer: number, slot: number, tag: number, nowMs: number): boolean {
    const message = this.#held(consumer, slot, tag)
    if (message?.begun) {
      message.beganMs = nowMs
      message.began = this.tick()
    }
    return message !== undefined
  }

  ack(consumer: number, slot: number, tag: number): boolean {
    const message = this.#held(consumer, slot, tag)
    if (message === undefined) return false
    this.settle(message, 'acked')
    this.look()
    return true
  }

  ackRun(consumer: number, slots: Int32Array, tags: Int32Array, from: number, to: number): number {
    const run = [...slots.subarray(from, to)]
    return run.filter((slot, at) => this.ack(consumer, slot, tags[from + at] as number)).length
  }

  nack(consumer: number, slot: number, tag: number, delayMs: number | null, at: Instant, rng: Rng): QueueEffect | null {
    const message = this.#held(consumer, slot, tag)
    return message === undefined ? null : this.fails(message, 'failed', false, delayMs, at, rng)
  }

  reject(consumer: number, slot: number, tag: number, reason: 'rejected' | 'decode', at: Instant): QueueEffect | null {
    const message = this.#held(consumer, slot, tag)
    return message === undefined ? null : this.fails(message, reason, false, null, at, () => 0)
  }

  release(consumer: number, slot: number, tag: number): QueueEffect | null {
    const message = this.#held(consumer, slot, tag)
    return message === undefined ? null : this.comesBack(message, message.suspect && !message.begun)
  }

  takeBack(consumer: number, slot: number, tag: number): QueueEffect | null {
    const message = this.#held(consumer, slot, tag)
    if (message === undefined || message.begun) return null
    if (message.cancelled) return this.cancelled(message)
    message.handOuts--
    message.state = 'ready'
    this.#rate.takenBack(message.wentMs)
    this.look()
    return { kind: 'returned', offset: message.offset, suspect: message.suspect, looping: false }
  }

  cancelOut(consumer: number, slot: number, tag: number): boolean {
    const message = this.#held(consumer, slot, tag)
    if (message !== undefined) message.cancelled = true
    return message !== undefined
  }

  failBatch(number: number, batch: readonly { slot: number; tag: number }[], at: Instant, rng: Rng): QueueEffect[] {
    const held = this.heldBy(number).filter(message =>
      batch.some(({ slot, tag }) => message.slot === slot && message.tag === tag),
    )
    if (batch.length === 1) return held.map(message => this.fails(message, 'failed', false, null, at, rng))
    if (held.length === 0) return []
    const halves = [++this.#cohort, ++this.#cohort]
    return held.map((message, index) => {
      message.cohort = halves[index < Math.floor(held.length / 2) ? 0 : 1] as number
      return this.comesBack(message, message.suspect && !message.begun)
    })
  }

  timeOut(at: Instant, rng: Rng): QueueEffect[] {
    const late = this.messages.filter(message => this.#deadlineOf(message) <= at.nowMs)
    late.sort((a, b) => a.consumer - b.consumer || a.began - b.began)
    return late.map(message => this.fails(message, 'timeout', false, null, at, rng))
  }

  due(nowMs: number): DueMessages {
    const due = this.messages.filter(({ state, dueMs }) => state === 'retrying' && dueMs <= nowMs)
    for (const message of due) message.state = 'ready'
    const fell = this.#schedule.due(this.messages, nowMs, this.end)
    this.giveTurns()
    return { retried: due.length, ...fell }
  }

  /** `order`: that in which the core has told them, if they are the same; many that expire at one time have none of their own. */
  expire(nowMs: number, order: readonly number[]): QueueEffect[] {
    this.overdue = this.mayExpire ? overdueOf(this.messages, nowMs) : []
    if (!this.mayExpire) return []
    const over = this.messages.filter(message => canExpire(message) && isOver(message, nowMs))
    over.sort((a, b) => order.indexOf(a.offset) - order.indexOf(b.offset))
    return over.map(message => this.expires(message))
  }

  get dueMs(): number {
    const nextMs = this.#rate.left === 0 && this.ready().length > 0 ? this.#rate.nextMs : Number.POSITIVE_INFINITY
    return Math.min(
      nextMs,
      firstMoment(this.messages, this.mayExpire, message => this.#deadlineOf(message)),
    )
  }

  update(offset: number, { priority, dueMs, expiresMs }: MessageUpdate, nowMs: number): boolean {
    const message = this.messages.find(each => each.offset === offset)
    if (message === undefined || !['ready', 'retrying', 'scheduled'].includes(message.state)) return false
    if (priority !== null) message.priority = priority
    if (expiresMs !== null) message.expiresMs = expiresMs
    if (dueMs !== null) putOff(message, dueMs, nowMs, this.#schedule)
    this.giveTurns()
    return true
  }

  /** Its host died, and another one has it: what was admitted, and letters on their way, are forgotten. So many of a key may be out now. */
  rebuilt(keyConcurrency: number): void {
    this.policy = { ...this.policy, keyConcurrency }
    for (const message of this.messages) {
      message.wentMs = Number.NaN
      message.cancelled = false
    }
    giveTurnsAnew(this.messages, keyConcurrency, () => ++this.turn)
    this.reserved = { messages: 0, bytes: 0 }
    this.sent = 0
    this.#round = new OracleRound()
    this.#schedule.rebuilt(this.messages)
  }

  /** The first message from an offset on that is not scheduled; `below`: there is none below it. */
  openFrom(from: number, below: number): number {
    const open = this.messages.find(({ offset, state }) => offset >= from && state !== 'scheduled')
    return Math.min(open?.offset ?? below, below)
  }

  explain(offset: number): QueueExplanation {
    if (offset < 0 || offset >= this.end) return { state: 'unknown' }
    const message = this.messages.find(each => each.offset === offset)
    if (message === undefined) return { state: 'settled' }
    const { state, handOuts, failures: failedAttempts, dueMs, reason, consumer, begun, suspect } = message
    if (state === 'scheduled') return { state, dueMs: message.scheduledMs }
    if (state === 'retrying') return { state, dueMs, handOuts, failedAttempts }
    if (state === 'dying') return { state, reason, handOuts, failedAttempts }
    if (state === 'unacked') return { state, consumer, begun, suspect, handOuts, failedAttempts }
    const ahead = this.ready().filter(other => goesFirst(this.policy, other, message) < 0).length
    return { state, ahead, blockedBy: this.#holdOf(message), handOuts, failedAttempts }
  }

  counters(): QueueCounters {
    return { ...this.totals, ...countsOf(this.messages, this.policy.priorities) }
  }

  #suspectIsOut(): boolean {
    return this.messages.some(({ state, suspect }) => state === 'unacked' && suspect)
  }

  /** Who gets nothing more, so that a suspect that is first finds a consumer that holds nothing. */
  #emptying(): OracleConsumer | undefined {
    if (this.ready()[0]?.suspect !== true || this.#suspectIsOut()) return undefined
    const served = this.consumers.filter(consumer => this.isServed(consumer))
    const held = (consumer: OracleConsumer): number => this.heldBy(consumer.number).length
    if (served.some(consumer => held(consumer) === 0)) return undefined
    return served.sort((a, b) => held(a) - held(b) || a.number - b.number)[0]
  }

  #isHeldBack({ handOuts }: OracleMessage): boolean {
    const held = this.messages.filter(({ state }) => state === 'retrying' || state === 'dying')
    return handOuts === 0 && held.length >= this.policy.heldMax
  }

  #holdOf(message: OracleMessage): QueueHold {
    if (message.keyTurn === 0) {
      const { key } = message
      const alike = this.messages.filter(other => other.key === key && other.keyTurn > 0)
      return { key, behind: alike.sort((a, b) => b.keyTurn - a.keyTurn)[0]?.offset ?? -1 }
    }
    if (this.consumers.length === 0) return 'no consumer'
    const line = this.line()
    if (message.suspect) {
      const empty = line.some(({ number }) => this.heldBy(number).length === 0)
      if (!empty || this.#suspectIsOut()) return 'suspect'
    }
    if (this.#rate.left === 0) return 'rate'
    if (message.suspect) return null
    if (this.#isHeldBack(message)) return 'held'
    const emptying = this.#emptying()
    return line.some(consumer => consumer !== emptying && this.fits(consumer, message)) ? null : 'prefetch'
  }

  #handOut(message: OracleMessage, consumer: OracleConsumer): HandOut {
    const taken = this.heldBy(consumer.number).map(({ slot }) => slot)
    let slot = 0
    while (taken.includes(slot)) slot++
    message.state = 'unacked'
    message.handOuts++
    message.begun = false
    message.cancelled = false
    message.consumer = consumer.number
    message.slot = slot
    message.tag = ++this.#tag
    consumer.waitsSince = 0
    message.wentMs = this.#tookMs
    this.#rate.took(this.#tookMs)
    this.look()
    return handOutOf(message)
  }

  #held(consumer: number, slot: number, tag: number): OracleMessage | undefined {
    return this.heldBy(consumer).find(message => message.slot === slot && message.tag === tag)
  }

  #deadlineOf({ state, begun, beganMs, consumer }: OracleMessage): number {
    if (state !== 'unacked' || !begun) return Number.POSITIVE_INFINITY
    return beganMs + (this.consumerOf(consumer)?.ackTimeoutMs ?? 0)
  }
}
