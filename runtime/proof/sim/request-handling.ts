/**
 * Handlers of the requests of a simulation: they do what each request says, and say to the judge what they did.
 *
 * Simulated handler threads and the simulated main thread. What each letter of a script means is in request-plan.ts. On the main thread,
 * which nothing may end, `e` throws.
 */
import { MillraceError, RejectError } from '../../words/errors.ts'
import type { HandlerContext } from '../../words/handler.ts'
import type { ManualQueueDelivery, QueueDelivery } from '../../words/queue-delivery.ts'
import type { Lab } from './lab.ts'
import { sleep } from './producers.ts'
import { type Answered, type Asked, type AskingUpcalls, ask, behindOthers, bytesOfAnswer } from './request-asking.ts'
import type { RequestJudge } from './request-judge.ts'
import type { SimThread } from './scheduler.ts'

/** Name of the queue that handlers ask. */
export const DEEP = 'deep'
/** An answer of so much goes in pieces, also from the host to the caller. */
const LARGE = 20_000
const DEEP_TIMEOUTS_MS = [30, 200, 1_500]

export class RequestHandling {
  readonly #lab: Lab
  readonly #judge: RequestJudge
  readonly #life: () => number
  readonly #isOver: () => boolean
  #deep = 0

  /** `isOver`: the broker of the main thread is closed, or has failed. What its handlers have in hand is over as well. */
  constructor(lab: Lab, judge: RequestJudge, life: () => number, isOver: () => boolean) {
    this.#lab = lab
    this.#judge = judge
    this.#life = life
    this.#isOver = isOver
  }

  /** For `run` and `handle`. */
  readonly handler = (delivery: QueueDelivery<Asked>, context: HandlerContext): unknown =>
    this.#handle(delivery, () => context.signal, context)

  /** For who consumes by hand. */
  async settle(delivery: ManualQueueDelivery<Asked>): Promise<void> {
    const { chance } = this.#lab.scheduler
    try {
      const answer = await this.#handle(delivery, () => delivery.signal, null)
      if (delivery.settled) return
      // A request that is acked is answered with nothing.
      if (chance.happens(0.1)) delivery.ack()
      else delivery.reply(answer)
    } catch (error) {
      if (delivery.settled) return
      if (error instanceof RejectError) delivery.reject(error)
      else if (chance.happens(0.2)) delivery.release()
      else delivery.nack(error)
    }
  }

  #isHeard(thread: SimThread): boolean {
    return thread.state === 'alive' && !this.#lab.closing
  }

  #handle(delivery: QueueDelivery<Asked>, signalOf: () => AbortSignal, context: HandlerContext | null): unknown {
    const { scheduler } = this.#lab
    const thread = scheduler.current as SimThread
    if (!this.#isHeard(thread)) return undefined
    const { id, script } = delivery.value
    const attempt = this.#judge.begun(id, scheduler.now, context === null)
    const letter = script[Math.min(delivery.failedAttempts, script.length - 1)] as string
    switch (thread.kind === 'main' && letter === 'e' ? 't' : letter) {
      case 'k':
        return this.#answer(id, attempt)
      case 'K':
        return sleep(scheduler.chance.between(0, 25)).then(() => this.#answer(id, attempt))
      case 'b':
        return bytesOfAnswer(id, this.#judge.returns(id, attempt))
      case 'L':
        return { ...this.#answer(id, attempt), pad: 'x'.repeat(LARGE) }
      case 'u':
        this.#judge.returns(id, attempt, true)
        return undefined
      case 'v':
        this.#judge.over(id, attempt, 'unwritable')
        return new Map([[id, 1n]])
      case 's':
      case 'S':
        return this.#untilSignal(id, attempt, signalOf(), letter === 's')
      case 'n':
        return this.#askDeep(id, attempt, context)
      case 'x':
        this.#judge.over(id, attempt, 'rejected')
        throw new RejectError('refused')
      case 'd':
        this.#judge.over(id, attempt, 'decode')
        throw new MillraceError('MILL_DECODE', 'does not decode')
      case 'e':
        scheduler.stop(thread, { kind: 'exit', code: scheduler.chance.below(3) })
        scheduler.check()
        return undefined
      default:
        this.#judge.over(id, attempt, 'failed')
        throw new Error('thrown')
    }
  }

  #answer(id: string, attempt: number): Answered {
    const number = this.#judge.returns(id, attempt)
    return { id, number, pad: '' }
  }

  /** At the deadline, by a timer of its own thread, the signal is aborted. */
  async #untilSignal(id: string, attempt: number, signal: AbortSignal, throws: boolean): Promise<unknown> {
    const { scheduler } = this.#lab
    const thread = scheduler.current as SimThread
    const leftMs = Math.max(0, this.#judge.deadlineOf(id) - scheduler.now)
    if (leftMs < Number.POSITIVE_INFINITY)
      behindOthers(leftMs, () => {
        if (this.#isHeard(thread) && (thread.kind !== 'main' || !this.#isOver()))
          this.#judge.mustHaveSignal(id, attempt, signal.aborted, scheduler.now)
      })
    if (!signal.aborted) await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()))
    if (!this.#isHeard(thread)) return undefined
    this.#judge.signals++
    if (!throws) return this.#answer(id, attempt)
    this.#judge.over(id, attempt, 'failed')
    throw signal.reason
  }

  async #askDeep(id: string, attempt: number, context: HandlerContext | null): Promise<unknown> {
    const { scheduler } = this.#lab
    const thread = scheduler.current as SimThread
    if (context === null) return this.#answer(id, attempt)
    const { chance } = scheduler
    const value = { id: `${id}>${++this.#deep}`, script: chance.pick(['k', 'k', 'K', 't', 's', 'S']) }
    const timeoutMs = chance.pick(DEEP_TIMEOUTS_MS)
    const own = { id: value.id, life: this.#life(), timeoutMs, hasTtl: false, messageId: null, within: id }
    const around: AskingUpcalls = { isHeard: () => this.#isHeard(thread), isExcused: () => false }
    const answer = await ask(this.#lab, this.#judge, around, own, () => context.request(DEEP, { value }, { timeoutMs }))
    if (!this.#isHeard(thread)) return undefined
    if (answer !== null) return this.#answer(id, attempt)
    this.#judge.over(id, attempt, 'failed')
    throw new Error('the other queue has no answer')
  }
}
