/**
 * Cancels a message that a consumer has begun: its signal is aborted, and after its time of grace the handler's thread is ended.
 *
 * The control thread. The queue marks the message (queue-actor/queue-cancels.ts), and knows what became of it. Here it is asked again until it
 * does: when the consumer says that it has let go of the message, when the time is over, and when the thread has ended. The caller's
 * thread is not ended, and none is for a request that its sender aborts (`graceMs` null).
 *
 * Bound: one timer for each call; a call asks again after 1 ms, then after twice as long up to ASK_MS, and for its time of grace and
 * PASSING_MS more.
 */
import { clearTimeout, nowMs, setTimeout } from '../../actors/world.ts'
import type { AskQueue, BegunMessage } from '../wire/queue-asks.ts'
import type { Offset } from '../words/quantities.ts'
import type { CancelOutcome } from '../words/queue-cancel.ts'
import type { MemberHandle } from './member-handle.ts'

const ASK_MS = 50
/** How a message ended is known so long after its time of grace. */
const PASSING_MS = 1_000

/** The consumer of a queue that has this message; null: it has ended. */
export type ConsumerOf = (queue: number, message: BegunMessage) => MemberHandle | null

export class MessageCancels {
  readonly #ask: AskQueue
  readonly #consumerOf: ConsumerOf

  constructor(ask: AskQueue, consumerOf: ConsumerOf) {
    this.#ask = ask
    this.#consumerOf = consumerOf
  }

  /** @throws MillraceError MILL_TOPIC_DELETED, MILL_DISK */
  async cancel(queue: number, offset: Offset, graceMs: number | null): Promise<CancelOutcome> {
    const untilMs = nowMs() + (graceMs ?? 0)
    let isTold = false
    for (let waitMs = 1; ; waitMs = Math.min(2 * waitMs, ASK_MS)) {
      const answer = await this.#ask(queue, 'cancel', [offset])
      if (typeof answer === 'string' && answer !== 'passing') return answer
      const leftMs = untilMs - nowMs()
      const consumer = answer === 'passing' ? null : this.#consumerOf(queue, answer)
      if (answer !== 'passing' && consumer !== null && (leftMs > 0 || !isTold)) {
        isTold = true
        await this.#letGo(consumer, answer, Math.max(0, leftMs))
        if (graceMs === null) return 'unacked'
      } else if (consumer !== null) {
        if (consumer.endFor === undefined) return 'unacked'
        await consumer.endFor(offset)
      } else if (leftMs < -PASSING_MS) return 'unacked'
      await sleep(waitMs)
    }
  }

  /** Resolves when it has let go of the message, or the time is over. */
  async #letGo(consumer: MemberHandle, { cursor, epoch, tag }: BegunMessage, withinMs: number): Promise<void> {
    const over = sleep(withinMs)
    // What a thread that has ended had is found when the queue is asked again.
    const heard = consumer.cancel?.(cursor, epoch, tag, withinMs).catch(() => undefined)
    await Promise.race([heard, over])
    over.end()
  }
}

interface Sleep extends Promise<void> {
  /** It is over. */
  end(): void
}

function sleep(ms: number): Sleep {
  let end = (): void => undefined
  const slept = new Promise<void>(resolve => {
    const timer = setTimeout(() => resolve(), Math.ceil(ms))
    end = () => {
      clearTimeout(timer)
      resolve()
    }
  })
  return Object.assign(slept, { end: () => end() })
}
