/**
 * Judges the requests of a simulation, by what their callers and their handlers say: rule R.
 *
 * Pure; times are those of the simulation. A request settles by its time, and in a way that fits what became of its message. An answer is
 * what a handler returned for this very message. No handler begins one after its deadline, in another process, or once it has ended.
 */
import type { RequestFailure } from '../../words/queue-request.ts'

/** How a request settled: a value, a reason, the end of its time or of its caller's patience, or a send that failed. */
export type Settled = 'value' | 'time-out' | 'aborted' | 'full' | 'closed' | 'disk' | 'no such answer' | RequestFailure

/** What a caller says of a request before it is sent. */
export interface AskedRequest {
  readonly id: string
  /** Process in which it is asked. */
  readonly life: number
  readonly timeoutMs: number
  readonly hasTtl: boolean
  /** By which its queue knows it; null: by none. */
  readonly messageId: string | null
  /** Asked by a handler, whose thread may end, and whose own request this is for; null: by the application. */
  readonly within: string | null
}

type How = 'returned' | 'unwritable' | 'failed' | 'rejected' | 'decode'

/** One call of a handler. */
interface Attempt {
  readonly beganMs: number
  how: How | null
}

interface Known extends AskedRequest {
  readonly sinceMs: number
  /** Its deadline is between these. */
  lowMs: number
  highMs: number
  isAborted: boolean
  isCancelled: boolean
  isTakenBack: boolean
  settled: Settled | null
  readonly attempts: Attempt[]
  /** What was returned for it, by number; 0: nothing. */
  readonly answers: Set<number>
}

/** What of the world a judge cannot see. */
export interface RequestFacts {
  readonly attempts: number
  readonly handlerTimeoutMs: number
  readonly dropsHead: boolean
  readonly refuses: boolean
  /** Consumers ack without an answer, now and then. */
  readonly acksPlainly: boolean
  /** What failed after its ack has no dead letter. */
  readonly hasLetters: boolean
  /** Partition hosts may have died: answers on their way are lost then. */
  mayLose(): boolean
  /** The wall clock was set: times to live are on it on disk, and on their way to a queue. */
  mayExpireEarly(): boolean
}

/** What a look at the clock may cost between a check of the deadline and the call of the handler, in ms. */
const BEGIN_SLACK_MS = 1
/** The same where a consumer takes it by hand: its code runs behind what waits in the same microtasks, and each of that may look at the clock. */
const HAND_SLACK_MS = 20
/** What the broker takes for the end of a time (requests.ts). */
const NEAR_MS = 21
/** Ways after which the queue has the message no more. */
const GONE: ReadonlySet<Settled> = new Set<Settled>([
  'failed',
  'rejected',
  'decode',
  'expired',
  'maxlen',
  'purged',
  'cancelled',
])

export class RequestJudge {
  readonly problems: string[] = []
  readonly settledAs: Map<Settled, number> = new Map()
  /** Handlers whose signal was aborted. */
  signals = 0
  nested = 0
  /** Requests that a broker was closed with. */
  atClose = 0
  /** Requests of earlier processes that were not settled when those ended. */
  foreign = 0
  readonly #facts: RequestFacts
  readonly #known = new Map<string, Known>()
  #answers = 0
  #life = 0
  #isPurging = false

  constructor(facts: RequestFacts) {
    this.#facts = facts
  }

  /** Another process. */
  begins(life: number): void {
    for (const { settled, life: own } of this.#known.values())
      if (settled === null && own === this.#life) this.foreign++
    this.#life = life
    this.#isPurging = false
  }

  /** Before it is sent. */
  asked(asked: AskedRequest, nowMs: number): void {
    const outer = asked.within === null ? undefined : this.#known.get(asked.within)
    if (outer !== undefined) this.nested++
    const untilMs = nowMs + asked.timeoutMs
    const lowMs = Math.min(untilMs, outer?.lowMs ?? untilMs)
    const own = {
      sinceMs: nowMs,
      lowMs,
      highMs: Number.POSITIVE_INFINITY,
      isAborted: false,
      isCancelled: false,
      isTakenBack: this.#isPurging,
    }
    this.#known.set(asked.id, { ...asked, ...own, settled: null, attempts: [], answers: new Set() })
  }

  /** It is sent: its time began before. */
  sent(id: string, nowMs: number): void {
    const known = this.#of(id)
    known.highMs = Math.min(nowMs + known.timeoutMs, this.#outerOf(known)?.highMs ?? Number.POSITIVE_INFINITY)
  }

  aborted(id: string): void {
    this.#of(id).isAborted = true
  }

  /** All that waits may be taken back from now on, until `purged`. */
  purges(): void {
    this.#isPurging = true
    for (const known of this.#known.values()) if (known.settled === null) known.isTakenBack = true
  }

  purged(): void {
    this.#isPurging = false
  }

  cancels(id: string): void {
    const known = this.#known.get(id)
    if (known !== undefined) known.isCancelled = true
  }

  /** A handler is called, or a consumer has it by hand; the number of the call. */
  begun(id: string, nowMs: number, isByHand = false): number {
    const known = this.#of(id)
    if (nowMs > known.highMs + (isByHand ? HAND_SLACK_MS : BEGIN_SLACK_MS))
      this.#problem(`${id} began ${(nowMs - known.highMs).toFixed(1)} ms after its deadline`)
    if (known.life !== this.#life) this.#problem(`${id} of process ${known.life} began in process ${this.#life}`)
    if (known.settled !== null && GONE.has(known.settled))
      this.#problem(`${id} began, and was told as ${known.settled} before`)
    return known.attempts.push({ beganMs: nowMs, how: null }) - 1
  }

  /** A call of a handler is about to return an answer; the number to put into it. */
  returns(id: string, attempt: number, isNothing = false): number {
    const known = this.#of(id)
    this.over(id, attempt, 'returned')
    const answer = isNothing ? 0 : ++this.#answers
    known.answers.add(answer)
    return answer
  }

  over(id: string, attempt: number, how: How): void {
    const known = this.#of(id).attempts[attempt]
    if (known !== undefined) known.how = how
  }

  /** The deadline of a request that a handler has in hand is over. */
  mustHaveSignal(id: string, attempt: number, isAborted: boolean, nowMs: number): void {
    const known = this.#of(id)
    const { beganMs, how } = known.attempts[attempt] as Attempt
    // What took too long has ended for its queue.
    if (how !== null || nowMs - beganMs > this.#facts.handlerTimeoutMs - BEGIN_SLACK_MS) return
    if (!isAborted) this.#problem(`the handler of ${id} runs after its deadline, and its signal is not aborted`)
  }

  deadlineOf(id: string): number {
    return this.#of(id).highMs
  }

  /** The caller was answered. */
  answered(id: string, answer: { readonly id: string; readonly number: number } | null): void {
    const known = this.#of(id)
    const isOwn = answer === null ? known.answers.has(0) : answer.id === id && known.answers.has(answer.number)
    const isAcked = answer === null && this.#facts.acksPlainly && known.attempts.length > 0
    if (!isOwn && !isAcked)
      this.#problem(`${id} was answered with ${JSON.stringify(answer)}, which its handler has not returned`)
    this.#settle(known, 'value')
  }

  /** The caller was told that its broker closes, or that its disk has failed, and that is so. */
  excused(id: string, how: 'closed' | 'disk'): void {
    this.#settle(this.#of(id), how)
  }

  /** The caller was told that there is no answer. */
  failed(id: string, how: Settled, nowMs: number, text = ''): void {
    const known = this.#of(id)
    if (!this.#fits(known, how, nowMs))
      this.#problem(`${id} ended as ${how}, which does not fit: ${text} ${this.#said(known)}`)
    this.#settle(known, how)
  }

  /** By its caller's own clock its time is over. */
  mustBeSettled(id: string): void {
    const known = this.#of(id)
    if (known.settled === null)
      this.#problem(`${id} hangs: its time is over, and it is not settled: ${this.#said(known)}`)
  }

  /** The broker is about to be closed. */
  closes(): void {
    for (const { life, settled } of this.#known.values()) if (life === this.#life && settled === null) this.atClose++
  }

  /** A broker that was closed in good order has settled all. */
  closed(): void {
    for (const known of this.#known.values())
      if (known.life === this.#life && known.within === null && known.settled === null)
        this.#problem(`${known.id} is not settled after close: ${this.#said(known)}`)
  }

  /** The dead letters of requests, once all is settled, as reasons by id. */
  letters(letters: ReadonlyMap<string, string>): void {
    for (const [id, reason] of letters) {
      const known = this.#known.get(id)
      if (reason === 'expired' && known?.hasTtl === false)
        this.#problem(`${id} expired with its caller, and left a dead letter`)
    }
    if (!this.#facts.hasLetters) return
    for (const { id, life, settled, messageId } of this.#known.values()) {
      if (life !== this.#life || messageId !== null || settled === null) continue
      const isToldOf = (['failed', 'rejected', 'timeout', 'crashed', 'decode'] as readonly Settled[]).includes(settled)
      if (isToldOf && letters.get(id) !== settled)
        this.#problem(`${id} was told as ${settled}, and its dead letter says ${letters.get(id)}`)
    }
  }

  #fits(known: Known, how: Settled, nowMs: number): boolean {
    const { attempts, isAborted, isCancelled, isTakenBack, hasTtl, messageId, within } = known
    const any = (wanted: How): boolean => attempts.some(attempt => attempt.how === wanted)
    switch (how) {
      case 'time-out':
        return nowMs >= known.lowMs - NEAR_MS
      case 'aborted':
        return isAborted
      case 'failed':
        return any('failed')
      case 'rejected':
      case 'decode':
        return any(how)
      case 'timeout':
        return attempts.some(({ beganMs }) => nowMs - beganMs >= this.#facts.handlerTimeoutMs - BEGIN_SLACK_MS)
      case 'crashed':
        return attempts.length > 0
      case 'expired':
        return hasTtl || this.#facts.mayExpireEarly()
      case 'maxlen':
        return this.#facts.dropsHead
      case 'full':
        return this.#facts.refuses || this.#facts.dropsHead
      case 'cancelled':
        return isCancelled
      case 'purged':
        return isTakenBack
      case 'duplicate':
        return messageId !== null
      case 'reply':
        return any('unwritable')
      case 'lost':
        return attempts.length > 0 && this.#facts.mayLose()
      case 'closed':
        // The thread of a handler may end at any time.
        return within !== null
      default:
        return false
    }
  }

  #settle(known: Known, how: Settled): void {
    if (known.settled !== null) this.#problem(`${known.id} settled as ${known.settled}, and again as ${how}`)
    known.settled = how
    this.settledAs.set(how, (this.settledAs.get(how) ?? 0) + 1)
  }

  #outerOf({ within }: Known): Known | undefined {
    return within === null ? undefined : this.#known.get(within)
  }

  #of(id: string): Known {
    const known = this.#known.get(id)
    if (known === undefined) throw new Error(`broken invariant: nothing is known of request ${id}`)
    return known
  }

  #said({ attempts, isAborted, sinceMs, highMs, life }: Known): string {
    const calls = attempts.map(({ beganMs, how }) => `${beganMs.toFixed(1)} ${how ?? 'in hand'}`).join(', ')
    return `asked at ${sinceMs.toFixed(1)} in process ${life} until ${highMs.toFixed(1)}${isAborted ? ', aborted' : ''}; calls: ${calls || 'none'}`
  }

  #problem(what: string): void {
    this.problems.push(`R: ${what}`)
  }
}
