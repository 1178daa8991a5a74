/**
 * What the application of a simulation does with requests: it opens a queue, asks it in several ways, handles what arrives, and takes some back.
 *
 * The simulated main thread, through the public API only. What callers and handlers see goes to the judge (request-judge.ts).
 */
import { nowMs, setTimeout } from '../../../actors/world.ts'
import type { Broker } from '../../words/broker.ts'
import { isMillraceError } from '../../words/errors.ts'
import type { Queue } from '../../words/queue.ts'
import type { QueueRun } from '../../words/queue-run.ts'
import type { Lab } from './lab.ts'
import { sleep } from './producers.ts'
import { type Answered, type Asked, type AskingUpcalls, ask } from './request-asking.ts'
import { DEEP, RequestHandling } from './request-handling.ts'
import { type AskedRequest, RequestJudge } from './request-judge.ts'
import type { RequestPlan } from './request-plan.ts'

export const ASKS = 'asks'
/** Handlers are looked up by their queue; the file is one that exists. */
const HANDLER_URL: URL = new URL(`./lab.js?${ASKS}`, import.meta.url)
const MAX_BYTES = 65_536
const MESSAGE_BYTES = 32_768
/** Requests of a process and caller, at most: what a seed costs is bounded. */
const EACH_MAX = 40
const IDS = 12
const STILL_MS = 30_000
const RESTART = { intensity: 1_000, periodMs: 1_000 }
const TTLS_MS = [5, 50, 400]

/** What all processes of a simulation know together. */
export class RequestFindings {
  readonly plan: RequestPlan
  readonly judge: RequestJudge
  readonly handling: RequestHandling
  life = 0
  /** Whether the broker of the process that runs is closed, or has failed. */
  isOver: () => boolean = () => false
  sequence = 0

  constructor(plan: RequestPlan, lab: Lab) {
    const { attempts, handlerTimeoutMs, onFull, kind, atMostOnce } = plan
    this.plan = plan
    this.judge = new RequestJudge({
      attempts,
      handlerTimeoutMs,
      dropsHead: onFull === 'dropHead',
      refuses: onFull === 'reject',
      acksPlainly: kind === 'consume',
      hasLetters: !atMostOnce,
      mayLose: () => lab.seen.has('hostDeath') || lab.seen.has('hostDeathAtPoint'),
      mayExpireEarly: () => lab.seen.has('clockJump'),
    })
    this.handling = new RequestHandling(
      lab,
      this.judge,
      () => this.life,
      () => this.isOver(),
    )
  }
}

export interface RequestUpcalls {
  broker(): Broker
  isOver(): boolean
  /** Whether the process is there, and what it says is heard. */
  isHeard(): boolean
  retrying(start: () => Promise<void>): Promise<void>
  diskFailed(error: unknown): boolean
  failed(error: unknown, what: string): void
  problem(what: string): void
}

export class RequestWork {
  readonly #lab: Lab
  readonly #findings: RequestFindings
  readonly #around: RequestUpcalls
  readonly #letters = new Map<string, string>()
  #queue: Queue<Asked, Answered> | null = null
  #run: QueueRun | null = null
  #isClosing = false

  constructor(lab: Lab, findings: RequestFindings, around: RequestUpcalls) {
    this.#lab = lab
    this.#findings = findings
    this.#around = around
  }

  /** Everything that is done until requests end. */
  async live(life: number, isProducing: () => boolean): Promise<void> {
    this.#findings.life = life
    this.#findings.isOver = () => this.#around.broker().closed
    this.#findings.judge.begins(life)
    try {
      await this.#open()
    } catch (error) {
      if (!this.#around.isOver() && !isMillraceError(error, 'MILL_CLOSED'))
        this.#around.failed(error, 'opening requests')
      return
    }
    const { callers } = this.#findings.plan
    const asking = Array.from({ length: callers }, () => this.#askOn(isProducing))
    await Promise.all([...asking, this.#operate(isProducing)])
  }

  async #open(): Promise<void> {
    const { durability, attempts, maxMessages, onFull, hasIds, atMostOnce } = this.#findings.plan
    const broker = this.#around.broker()
    const options = {
      attempts,
      backoff: { initialMs: 5, maxMs: 40 },
      maxMessageBytes: MESSAGE_BYTES,
      maxBytes: MAX_BYTES,
    }
    const ids = hasIds ? { dedupeMs: 3_600_000_000, dedupeMaxIds: 1_000 } : {}
    // Letters come in the order in which messages ended, and stay.
    this.#queue = await broker.queue<Asked, Answered>(ASKS, { durability, maxMessages, onFull, ...options, ...ids })
    const deep = await broker.queue<Asked, Answered>(DEEP, { durability: 'memory', ...options })
    if (!atMostOnce) for (const name of [ASKS, DEEP]) await this.#readLetters(broker, `${name}.dlq`)
    const { handler } = this.#findings.handling
    await deep.handle(handler as never, { handlerTimeoutMs: this.#findings.plan.handlerTimeoutMs, concurrency: 4 })
    await this.#around.retrying(() => this.#consume())
  }

  async #readLetters(broker: Broker, name: string): Promise<void> {
    const letters = await broker.topic<Asked>(name)
    const run = await letters.group('audit').handle(
      ({ value, headers }) => {
        if (this.#around.isHeard()) this.#letters.set(value.id, String(headers['millrace-reason']))
      },
      { attempts: Number.POSITIVE_INFINITY, deadLetter: false },
    )
    run.finished.catch((error: unknown) => this.#ended(error, `reading ${name}`))
  }

  async #consume(): Promise<void> {
    const { kind, threads, concurrency, atMostOnce, handlerTimeoutMs } = this.#findings.plan
    const queue = this.#queue as Queue<Asked, Answered>
    const { handling } = this.#findings
    const delivery = atMostOnce ? { delivery: 'at-most-once' as const } : {}
    const options = { concurrency, handlerTimeoutMs, ...delivery }
    if (kind === 'consume') {
      void this.#consumeByHand(queue)
      return
    }
    this.#run =
      kind === 'run'
        ? await queue.run({ handler: HANDLER_URL, threads, restart: RESTART, ...options })
        : await queue.handle(handling.handler as never, options)
    this.#run.finished.catch((error: unknown) => this.#ended(error, 'handling requests'))
  }

  async #consumeByHand(queue: Queue<Asked, Answered>): Promise<void> {
    const { handling } = this.#findings
    try {
      for await (const delivery of queue.consume({ prefetch: 3 })) await handling.settle(delivery)
    } catch (error) {
      this.#ended(error, 'consuming requests')
    }
  }

  #ended(error: unknown, what: string): void {
    if (!this.#isOver() && !this.#around.diskFailed(error)) this.#around.failed(error, what)
  }

  #isOver(): boolean {
    return this.#isClosing || this.#around.isOver()
  }

  async #askOn(isProducing: () => boolean): Promise<void> {
    const { chance } = this.#lab.scheduler
    const { window } = this.#findings.plan
    for (let left = EACH_MAX; left > 0 && isProducing(); ) {
      const count = Math.min(left, chance.between(1, window))
      left -= count
      const asking = Promise.all(Array.from({ length: count }, () => this.#ask()))
      // Some are left behind, and may be there when the broker closes.
      if (chance.happens(0.8)) await asking
      await sleep(chance.pick([0, 5, 60]))
    }
    // The broker may be closed while these wait.
    for (let late = chance.below(3); late > 0; late--) void this.#ask()
  }

  async #ask(): Promise<void> {
    const { chance } = this.#lab.scheduler
    const { timeoutsMs, abortShare, ttlShare, hasIds, scripts } = this.#findings.plan
    const { judge, life } = this.#findings
    const timeoutMs = chance.pick(timeoutsMs)
    const ttl = chance.happens(ttlShare) ? { ttlMs: chance.pick(TTLS_MS) } : {}
    const messageId = hasIds && chance.happens(0.5) ? `i${chance.below(IDS)}` : null
    const id = `r${this.#findings.sequence++}`
    const abort = chance.happens(abortShare) ? new AbortController() : null
    if (abort !== null)
      setTimeout(
        () => {
          if (!this.#around.isHeard()) return
          judge.aborted(id)
          abort.abort()
        },
        chance.below(timeoutMs * 1.2),
      )
    const waits = { timeoutMs, ...(abort === null ? {} : { signal: abort.signal }) }
    const named = messageId === null ? {} : { id: messageId }
    const message = { value: { id, script: chance.pick(scripts) }, ...ttl, ...named }
    const asked: AskedRequest = { id, life, timeoutMs, hasTtl: 'ttlMs' in ttl, messageId, within: null }
    await ask(this.#lab, judge, this.#asking, asked, () => (this.#queue as Queue<Asked>).request(message, waits))
  }

  readonly #asking: AskingUpcalls = {
    isHeard: () => this.#around.isHeard(),
    isExcused: error => this.#around.diskFailed(error) || (this.#isOver() && isMillraceError(error, 'MILL_CLOSED')),
  }

  /** Pauses and resumes handlers, and takes back what waits. */
  async #operate(isProducing: () => boolean): Promise<void> {
    const { chance } = this.#lab.scheduler
    const { acts } = this.#findings.plan
    let isPaused = false
    while (isProducing() && acts.length > 0) {
      await sleep(chance.between(20, 300))
      if (!isProducing()) break
      const act = chance.pick(acts)
      try {
        if (act === 'pause') {
          isPaused = !isPaused
          await (isPaused ? this.#run?.pause() : this.#run?.resume())
        } else if (act === 'purge') await this.#purge()
        else await this.#cancelOne()
      } catch (error) {
        this.#ended(error, act)
      }
    }
    if (isPaused) await this.#run?.resume().catch((error: unknown) => this.#ended(error, 'resume'))
  }

  async #purge(): Promise<void> {
    this.#findings.judge.purges()
    await this.#queue?.purge()
    if (this.#around.isHeard()) this.#findings.judge.purged()
  }

  async #cancelOne(): Promise<void> {
    const { chance } = this.#lab.scheduler
    const queue = this.#queue as Queue<Asked>
    const seen: (readonly [id: string, value: Asked])[] = []
    for await (const { id, value } of queue.browse()) if (seen.push([id, value]) === 4) break
    if (seen.length === 0) return
    const [id, value] = chance.pick(seen)
    this.#findings.judge.cancels(value.id)
    await queue.cancel(id, { graceMs: chance.pick([0, 50]) })
  }

  /** The broker is about to be closed. */
  closes(): void {
    this.#isClosing = true
    this.#findings.judge.closes()
  }

  /** It was closed in good order. */
  closed(): void {
    this.#findings.judge.closed()
  }

  /** The last process: all requests are over, and their messages with them. */
  async drain(): Promise<void> {
    const queue = this.#queue
    if (queue === null) return
    await sleep(Math.max(...this.#findings.plan.timeoutsMs) + 50)
    let last = ''
    for (let since = nowMs(); ; ) {
      const stats = await queue.stats()
      const {
        accepted,
        ready,
        unacked,
        retrying,
        scheduled,
        acked,
        deadLettered,
        expired,
        dropped,
        purged,
        cancelled,
      } = stats
      const ended = acked + deadLettered + expired + dropped + purged + cancelled
      if (ended + ready + unacked + retrying + scheduled !== accepted)
        this.#around.problem(`R: the counts of requests do not add up: ${JSON.stringify(stats)}`)
      if (ready + unacked + retrying + scheduled === 0) break
      const progress = `${ended} ${ready} ${unacked} ${retrying}`
      if (progress !== last) since = nowMs()
      else if (nowMs() - since > STILL_MS) {
        this.#around.problem(`A5: queue ${ASKS} is not drained: ${JSON.stringify(stats)}`)
        return
      }
      last = progress
      await sleep(200)
    }
    for (const name of this.#findings.plan.atMostOnce ? [] : [ASKS, DEEP]) {
      const letters = await this.#around.broker().topic<Asked>(`${name}.dlq`)
      for (let waited = 0; (await letters.group('audit').lag()) > 0 && waited < STILL_MS; waited += 100)
        await sleep(100)
    }
    this.#findings.judge.letters(this.#letters)
  }
}
