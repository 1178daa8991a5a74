/**
 * Readers of a simulation that read each topic in full, in order, and write down what is in it.
 *
 * The simulated main thread, through the public API only.
 */
import { QUEUE_GROUP } from '../../wire/queue-calls.ts'
import type { Delivery } from '../../words/delivery.ts'
import type { Group } from '../../words/group.ts'
import type { HandlerContext } from '../../words/handler.ts'
import type { Run } from '../../words/run.ts'
import type { Topic } from '../../words/topic.ts'
import { catchUp } from './catching-up.ts'
import type { Lab, Value } from './lab.ts'

export interface AuditUpcalls {
  /** Whether it says that retention was faster. */
  isGone(error: unknown): boolean
  failed(error: unknown, what: string): void
  /** Starts something, again where that fails. */
  retrying(start: () => Promise<void>): Promise<void>
}

export class Audits {
  readonly #lab: Lab
  readonly #around: AuditUpcalls

  constructor(lab: Lab, around: AuditUpcalls) {
    this.#lab = lab
    this.#around = around
  }

  /** Reads a topic in full, and writes down what is in it. */
  async read(topic: Topic<Value>): Promise<Run> {
    const lab = this.#lab
    const handler = {
      start: ({ partition }: HandlerContext) => lab.consumer(`audit ${topic.name}`, partition),
      message: (delivery: Delivery<Value>, reader: unknown) => {
        const { partition, offset, key, value } = delivery
        const { name } = reader as { readonly name: string }
        lab.record({ kind: 'read', reader: name, topic: topic.name, partition, offset, id: value.id, key })
        if (delivery.headers['millrace-group'] !== undefined) this.#letter(topic.name, delivery)
      },
    }
    const audit = topic.group('audit')
    const run = await audit.handle<string>(handler as never, { attempts: Number.POSITIVE_INFINITY, deadLetter: false })
    run.finished.catch((error: unknown) => this.#auditEnded(topic, audit, error))
    return run
  }

  /** Retention was faster than the reader, or the disk has failed. */
  #auditEnded(topic: Topic<Value>, audit: Group<Value>, error: unknown): void {
    if (!this.#around.isGone(error)) this.#around.failed(error, `reading ${topic.name}`)
    else
      void this.#around.retrying(async () => {
        await catchUp(this.#lab, topic, audit)
        await this.read(topic)
      })
  }

  #letter(topic: string, { partition, offset, key, value, headers }: Delivery<Value>): void {
    const text = (name: string): string => String(headers[name])
    this.#lab.record({
      kind: 'letter',
      topic,
      partition,
      offset,
      id: value.id,
      key,
      // A queue's group goes by the name of its queue here.
      group: text(`millrace-${text('millrace-group') === QUEUE_GROUP ? 'topic' : 'group'}`),
      source: {
        topic: text('millrace-topic'),
        partition: Number(text('millrace-partition')),
        offset: Number(text('millrace-offset')),
      },
      reason: text('millrace-reason'),
      failedAttempts: Number(text('millrace-failed-attempts')),
      replayed: Number(headers['millrace-replayed'] ?? 0),
    })
  }

  /** The same without a group: all that is there now. */
  async again(topic: Topic<Value>, life: number): Promise<void> {
    const reader = `${topic.name} again in ${life}`
    try {
      for await (const { partition, offset, key, value } of topic.replay({ from: 'earliest' }))
        this.#lab.record({ kind: 'read', reader, topic: topic.name, partition, offset, id: value.id, key })
    } catch (error) {
      if (!this.#around.isGone(error)) throw error
    }
  }
}
