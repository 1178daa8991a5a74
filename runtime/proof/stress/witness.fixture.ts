/**
 * What one handler saw of one partition, from when it took it over until it let go, written into a journal.
 *
 * Handler threads, which may end at any instant. A delivery is written down before anything is done with it, and its end
 * before the call returns: so nothing that the broker makes of it can come before it in the journal. `pending` is
 * written before a promise is returned: a thread whose last entry is `delivered` had that one on its stack when it ended.
 */
import { threadId } from 'node:worker_threads'
import type { Delivery } from '../../words/delivery.ts'
import { isMillraceError, RejectError } from '../../words/errors.ts'
import { Journal } from './journal.fixture.ts'

/** How a delivery can end, by its number in the journal. */
export const HOW = ['handled', 'failed', 'rejected', 'decode'] as const

/** Keys of recorded topics end in a number: `key-7`, or `7`. */
export function keyNumber(key: string | null): number {
  return key === null ? -1 : Number(/\d+$/.exec(key)?.[0] ?? -1)
}

export class Witness {
  readonly #journal: Journal
  readonly #partition: number
  readonly #who: number

  constructor(buffer: SharedArrayBuffer, partition: number, thread: number = threadId) {
    this.#journal = new Journal(buffer)
    this.#partition = partition
    this.#who = this.#journal.add('began', { partition, a: thread })
  }

  delivered({ offset, key, deliveryAttempt, failedAttempts }: Delivery<unknown>, id: number): void {
    const place = this.#place
    this.#journal.add('delivered', { ...place, offset, id, key: keyNumber(key), a: deliveryAttempt, b: failedAttempts })
  }

  /** Its promise is about to be returned. */
  pending({ offset }: Delivery<unknown>): void {
    this.#journal.add('pending', { ...this.#place, offset })
  }

  settled({ offset, deliveryAttempt }: Delivery<unknown>, how: (typeof HOW)[number]): void {
    this.#journal.add('settled', { ...this.#place, offset, a: deliveryAttempt, b: HOW.indexOf(how) })
  }

  left(): void {
    this.#journal.add('left', this.#place)
  }

  get #place(): { readonly who: number; readonly partition: number } {
    return { who: this.#who, partition: this.#partition }
  }

  /** Handles a delivery by `act`, and writes down what became of it. */
  handle(delivery: Delivery<unknown>, id: number, act: () => unknown): unknown {
    this.delivered(delivery, id)
    const fails = (error: unknown): never => {
      const rejects = error instanceof RejectError
      this.settled(delivery, isMillraceError(error, 'MILL_DECODE') ? 'decode' : rejects ? 'rejected' : 'failed')
      throw error
    }
    let result: unknown
    try {
      result = act()
    } catch (error) {
      return fails(error)
    }
    if (result instanceof Promise) {
      const settled = result.then(() => this.settled(delivery, 'handled'), fails)
      this.pending(delivery)
      return settled
    }
    this.settled(delivery, 'handled')
    return undefined
  }
}
