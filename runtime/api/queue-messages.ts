/**
 * The messages of a queue, for who looks into it: where one is, what is there, and taking back what waits. The creating thread.
 *
 * Pages are asked for one after the other, up to where the queue ended when the call was made: messages that come later are not seen.
 */
import type { Session } from '../embedded/session.ts'
import { oneOf } from '../options/option-rules.ts'
import { check, type Given, type Table } from '../options/option-table.ts'
import { checkCancelOptions } from '../options/queue-options.ts'
import { checkedChange } from '../publish/checked-change.ts'
import { hashOfId } from '../publish/message-id.ts'
import type { TopicShape } from '../wire/places.ts'
import type { QueueAsks } from '../wire/queue-asks.ts'
import type { QueueShape } from '../wire/queue-places.ts'
import { codecOf } from '../words/codec.ts'
import { MillraceError } from '../words/errors.ts'
import type { Key } from '../words/message.ts'
import { show } from '../words/names.ts'
import type { CancelOptions, CancelOutcome } from '../words/queue-cancel.ts'
import type { MessageChange, UpdateOutcome } from '../words/queue-update.ts'
import type { BrowseFilter, QueuedMessage, QueueExplanation } from '../words/queued-message.ts'
import { explanationOf, type QueueIdentity, SeenQueueMessage } from './queued-message.ts'

interface CheckedFilter extends Given {
  readonly state: QueuedMessage['explanation']['state'] | undefined
  readonly key: Buffer | undefined
}

const FILTER: Table<CheckedFilter> = {
  state: {
    missing: () => undefined,
    check: oneOf(['scheduled', 'ready', 'unacked', 'retrying', 'dying'], 'ready').check,
  },
  key: { missing: () => undefined, check: keyBytes },
}

export class QueueMessages<V> {
  readonly #session: Session
  readonly #queue: QueueIdentity
  readonly #shape: QueueShape
  readonly #hasIds: boolean

  constructor(session: Session, { id, name, codec, queue }: TopicShape) {
    if (queue === undefined) throw new Error(`broken invariant: ${name} is no queue`)
    this.#shape = queue
    this.#hasIds = queue.dedupeMs > 0
    this.#session = session
    this.#queue = { id, name, codec: codecOf(codec) }
  }

  async explain(id: string): Promise<QueueExplanation> {
    const named = this.#offsetOf(id)
    const offset = this.#hasIds ? ((await this.#givenTo(id)) ?? named) : named
    return offset === null ? { state: 'unknown' } : explanationOf(await this.#ask('explain', [offset]), this.#queue.id)
  }

  async cancel(id: string, options?: CancelOptions): Promise<CancelOutcome> {
    const { graceMs } = checkCancelOptions(options)
    const named = this.#offsetOf(id)
    const offset = this.#hasIds ? ((await this.#givenTo(id)) ?? named) : named
    if (offset === null) return 'unknown'
    return this.#session.ask(control => control.cancelMessage(this.#queue.id, offset, graceMs), 'for ever')
  }

  async update(id: string, change: MessageChange): Promise<UpdateOutcome> {
    const asked = checkedChange(change, this.#queue.name, this.#shape)
    const named = this.#offsetOf(id)
    const offset = this.#hasIds ? ((await this.#givenTo(id)) ?? named) : named
    return offset === null ? 'unknown' : this.#ask('update', [offset, asked])
  }

  browse(filter?: BrowseFilter): AsyncIterableIterator<QueuedMessage<V>> {
    return this.#browse(check<CheckedFilter>('browse', FILTER, filter))
  }

  async *#browse({ state, key }: CheckedFilter): AsyncGenerator<QueuedMessage<V>> {
    const end = await this.#ask('end', [])
    for (let from: number | null = 0; from !== null; ) {
      const { messages, next }: ReturnType<QueueAsks['browse']> = await this.#ask('browse', [from, end])
      for (const message of messages) {
        const explanation = explanationOf(message.sight, this.#queue.id)
        if (explanation.state === 'unknown' || explanation.state === 'settled') continue
        if (state !== undefined && explanation.state !== state) continue
        if (key !== undefined && (message.key === null || !key.equals(message.key))) continue
        yield new SeenQueueMessage<V>(this.#queue, message, explanation)
      }
      from = next
    }
  }

  async purge(): Promise<number> {
    const end = await this.#ask('end', [])
    let purged = 0
    for (let from: number | null = 0; from !== null; ) {
      const part: ReturnType<QueueAsks['purge']> = await this.#ask('purge', [from, end])
      purged += part.purged
      from = part.next
    }
    return purged
  }

  #ask<K extends keyof QueueAsks>(ask: K, asked: Parameters<QueueAsks[K]>): Promise<ReturnType<QueueAsks[K]>> {
    const answered: Promise<unknown> = this.#session.ask(control => control.askQueue(this.#queue.id, ask, asked))
    return answered as Promise<ReturnType<QueueAsks[K]>>
  }

  /** The place of the message to which its sender gave this id; null: there is none. */
  #givenTo(id: string): Promise<number | null> {
    return this.#ask('find', [hashOfId(Buffer.from(id))])
  }

  /** The place of a message of this name; null: this queue gave no message such a name. @throws MillraceError MILL_INVALID_OPTION */
  #offsetOf(id: unknown): number | null {
    if (typeof id !== 'string')
      throw new MillraceError(
        'MILL_INVALID_OPTION',
        `give the \`id\` of a receipt or a delivery, a string, not ${show(id)}`,
      )
    const [, queue, offset] = /^(\d{1,16})\.(\d{1,16})$/.exec(id) ?? []
    return Number(queue) === this.#queue.id ? Number(offset) : null
  }
}

function keyBytes(key: unknown): Buffer {
  if (typeof key === 'string') return Buffer.from(key)
  if (key instanceof Uint8Array) return Buffer.from(key)
  throw new MillraceError(
    'MILL_INVALID_OPTION',
    `\`key\` must be a string or a Uint8Array, not ${show(key satisfies unknown as Key)}`,
  )
}
