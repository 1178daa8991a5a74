/**
 * Deletes a queue of a simulation while its senders are at work: not under its consumers, and once they have left.
 *
 * The simulated main thread, through the public API only. Rule Q10: a queue that has a consumer is not deleted; one that was deleted
 * takes nothing and has no counts; and of a deletion and a consumer that comes at that moment, one is refused.
 */
import type { ErrorCode } from '../../words/error-codes.ts'
import { isMillraceError } from '../../words/errors.ts'
import type { Queue } from '../../words/queue.ts'
import type { Lab, Value } from './lab.ts'
import { sleep } from './producers.ts'
import type { QueueMembers, QueueUpcalls } from './queue-members.ts'

/** Threads that go on after their end may be consumers for ten seconds more, and an observer leaves by and by. */
const TRIES_MAX = 300
const HEARD_MS = 100

export class QueueDeletion {
  readonly #lab: Lab
  readonly #queue: Queue<Value>
  readonly #members: QueueMembers
  readonly #around: QueueUpcalls

  constructor(lab: Lab, queue: Queue<Value>, members: QueueMembers, around: QueueUpcalls) {
    this.#lab = lab
    this.#queue = queue
    this.#members = members
    this.#around = around
  }

  /** Tries while consumers are at work; whether the queue is gone, which it may be when there are none. */
  async triesAmongConsumers(): Promise<boolean> {
    const before = this.#members.runs
    if (before.length === 0 || (await this.#delete()) !== 'deleted') return false
    // One that had given up by then is heard of by now.
    await sleep(HEARD_MS)
    const after = this.#members.runs
    if (before.some(run => after.includes(run)))
      this.#around.problem(`Q10: queue ${this.#queue.name} was deleted under a run`)
    return true
  }

  /** Lets all consumers leave, and deletes the queue; false: its disk has failed, and the broker is about to close. */
  async run(): Promise<boolean> {
    const { chance } = this.#lab.scheduler
    await this.#members.end()
    for (let tries = 0; tries < TRIES_MAX && !this.#around.isOver(); tries++) {
      const late = chance.happens(0.3) ? this.#members.comesLate() : 'nobody'
      const answer = await this.#delete()
      const error = await late
      if (answer === 'failed') return false
      if (answer === 'deleted') {
        if (error === null) this.#around.problem(`Q10: a consumer came to ${this.#queue.name}, which was deleted`)
        await this.#mustBeGone()
        return true
      }
      await sleep(50)
    }
    if (!this.#around.isOver()) this.#around.problem(`Q10: queue ${this.#queue.name} has no consumer, and is busy`)
    return false
  }

  async #delete(): Promise<'deleted' | 'busy' | 'failed'> {
    const { name } = this.#queue
    try {
      await this.#queue.delete()
      this.#lab.record({ kind: 'deleted', topic: name })
      return 'deleted'
    } catch (error) {
      if (isMillraceError(error, 'MILL_GROUP_BUSY')) {
        this.#lab.record({ kind: 'deletionRefused', topic: name })
        return 'busy'
      }
      if (!this.#around.isOver()) this.#around.failed(error, `deleting ${name}`)
      return 'failed'
    }
  }

  async #mustBeGone(): Promise<void> {
    await this.#queue.delete().catch((error: unknown) => this.#around.failed(error, 'deleting a queue again'))
    const message = { value: { id: 'to nobody', script: 'k', pad: '' } }
    await this.#isRefused('send', () => this.#queue.send(message))
    await this.#isRefused('sendBatch', () => this.#queue.sendBatch([message]))
    await this.#isRefused('stats', () => this.#queue.stats())
    await this.#isRefused('handle', () => this.#queue.handle(() => undefined))
  }

  async #isRefused(what: string, act: () => Promise<unknown>): Promise<void> {
    const code: ErrorCode = 'MILL_TOPIC_DELETED'
    try {
      await act()
    } catch (error) {
      if (!isMillraceError(error, code) && !this.#around.isOver())
        this.#around.failed(error, `${what} of a queue that was deleted`)
      return
    }
    this.#around.problem(`Q10: ${what} of queue ${this.#queue.name} was answered after its deletion`)
  }
}
