/**
 * Publishes dead letters again, and settles each once its publish is confirmed.
 *
 * The thread that made the broker. One page of letters is on its way at a time. However the work ends, confirmed
 * letters are settled, so that calling it again continues with the rest. A letter may be published twice only if its
 * publish was unanswered at the end: aborted or timed out because the target was full.
 */
import { clearTimeout, setTimeout } from '../../actors/world.ts'
import { offAbort, onAbort } from '../base/abort-listeners.ts'
import { REPLAYED_HEADER } from '../dead-letters/letter-headers.ts'
import type { Session } from '../embedded/session.ts'
import { BY_REPLAY } from '../log/format/headers.ts'
import { COUNT_MAX, TIMER_MS_MAX } from '../options/option-bounds.ts'
import { integer, number, signal as signalRule } from '../options/option-rules.ts'
import { check, type Filled, type Given, type Table } from '../options/option-table.ts'
import {
  asMessage,
  asQueueMessage,
  checkedKey,
  checkTimestamp,
  type ReadQueueMessage,
} from '../publish/checked-message.ts'
import { copyHeaders } from '../publish/given-headers.ts'
import { messageFields } from '../publish/message-fields.ts'
import type { StoredMessage } from '../publish/record-writer.ts'
import type { TopicProducer } from '../publish/topic-producer.ts'
import type { QueueShape } from '../wire/queue-places.ts'
import { codecOf } from '../words/codec.ts'
import type { DeadLetter, ReplayOptions, ReplayReport } from '../words/dead-letter.ts'
import { MillraceError } from '../words/errors.ts'
import type { Message } from '../words/message.ts'
import { checkName, show } from '../words/names.ts'
import type { LettersFound } from './letter-pages.ts'
import type { StoredLetter } from './stored-letter.ts'

type Edit = (letter: DeadLetter) => unknown

export interface CheckedReplayOptions extends Filled<Omit<ReplayOptions, 'to' | 'edit'>, 'signal'>, Given {
  /** Name of the topic; undefined: where the letters came from. */
  readonly to: string | undefined
  readonly edit: Edit | undefined
}

const REPLAY: Table<CheckedReplayOptions> = {
  to: { missing: () => undefined, check: topicName },
  edit: { missing: () => undefined, check: editFunction },
  replaysMax: integer(1, COUNT_MAX, 16),
  signal: { missing: () => undefined, check: signalRule },
  timeoutMs: number(1, TIMER_MS_MAX, 60_000, 'or Infinity'),
}

/** How long what is under way is waited for after an abort. */
const ABORT_GRACE_MS = 1_000

export function checkReplayOptions(options: unknown): CheckedReplayOptions {
  return check<CheckedReplayOptions>('replay', REPLAY, options)
}

/** Name of a topic given by name, by definition or as it was opened. */
export function topicName(value: unknown): string {
  const name: unknown = typeof value === 'object' && value !== null ? (value as { name?: unknown }).name : value
  return checkName('topic', name)
}

function editFunction(value: unknown, at: string): Edit {
  if (typeof value === 'function') return value as Edit
  throw new MillraceError('MILL_INVALID_OPTION', `\`${at}\` must be a function, not ${show(value)}`)
}

export class Replay {
  readonly #session: Session
  readonly #producer: TopicProducer
  readonly #options: CheckedReplayOptions
  #replayed = 0
  #skipped = 0
  #parked = 0

  constructor(session: Session, producer: TopicProducer, options: CheckedReplayOptions) {
    this.#session = session
    this.#producer = producer
    this.#options = options
  }

  get report(): ReplayReport {
    return { replayed: this.#replayed, skipped: this.#skipped, parked: this.#parked }
  }

  /** Replays up to `limit` of these letters. */
  async page({ topic, partition, letters }: LettersFound, limit: number): Promise<void> {
    const { signal } = this.#options
    const cancel = new AbortController()
    const under: { readonly letter: StoredLetter; readonly done: Promise<Error | null> }[] = []
    let failure: unknown = null
    try {
      for (const letter of letters) {
        if (under.length >= limit) break
        this.#checkWanted()
        const message = await this.#messageOf(letter)
        if (message !== null) under.push({ letter, done: this.#publish(message, cancel.signal) })
      }
    } catch (error) {
      failure = error
    }
    const outcomes = Promise.all(under.map(({ done }) => done))
    await settledOrAborted(outcomes, signal)
    if (signal?.aborted === true) cancel.abort(signal.reason)
    const errors = await outcomes
    const confirmed = under.filter((_, index) => errors[index] === null).map(({ letter }) => letter)
    if (confirmed.length > 0) {
      const marks = confirmed.map(({ letter: { offset }, cursor }) => ({ offset, cursor }))
      await this.#session.ask(control => control.settleLetters(topic.id, partition, marks))
      this.#replayed += confirmed.length
    }
    if (failure !== null) throw failure
    this.#checkWanted()
    const error = errors.find(each => each !== null)
    if (error !== undefined) throw error
  }

  #checkWanted(): void {
    const { signal } = this.#options
    if (signal?.aborted !== true) return
    throw new MillraceError(
      'MILL_ABORTED',
      `the replay was aborted after ${this.#replayed} letters; what is left stays, call it again`,
      { cause: signal.reason },
    )
  }

  #publish(message: StoredMessage, signal: AbortSignal): Promise<Error | null> {
    const { timeoutMs } = this.#options
    return this.#producer.publishStored(message, { timeoutMs, signal }).then(
      () => null,
      (error: Error) => error,
    )
  }

  /** Message to publish for a letter; null: none. */
  async #messageOf(letter: StoredLetter): Promise<StoredMessage | null> {
    if (letter.replayed >= this.#options.replaysMax) {
      this.#parked++
      const { topic, partition, offset, group, replayed } = letter
      this.#session.events.emit('parked', { topic, partition, offset, group, replayed })
      return null
    }
    const { edit, signal } = this.#options
    if (edit === undefined) return this.#stored(letter, {})
    const edited = await unlessAborted(Promise.resolve(edit(letter)), signal)
    this.#checkWanted()
    if (edited !== null && edited !== undefined) return this.#stored(letter, this.#read(edited as Message, letter))
    this.#skipped++
    return null
  }

  /** What a letter was made into; in a queue it has the letter's priority if it names none. */
  #read(edited: Message, letter: StoredLetter): Partial<ReadQueueMessage> {
    const { topic } = this.#producer
    return topic.queue === undefined
      ? asMessage(edited)
      : asQueueMessage(edited, topic, priorityIn(topic.queue, letter))
  }

  #stored(letter: StoredLetter, edited: Partial<ReadQueueMessage>): StoredMessage {
    const { key, value, headers, partition, timestamp = letter.timestamp } = edited
    checkTimestamp(timestamp)
    const { topic } = this.#producer
    const { queue } = topic
    // A letter has no times: those of its queue count anew.
    const { fields = queue === undefined ? null : messageFields(priorityIn(queue, letter), {}, queue) } = edited
    const returns = topic.name === letter.topic && key === undefined
    return {
      key: key === undefined ? letter.rawKey : checkedKey(key),
      value: value === undefined ? letter.valueBytes : codecOf(topic.codec).encode(value),
      headers: {
        ...(headers === undefined ? letter.headers : copyHeaders(headers)),
        [REPLAYED_HEADER]: String(letter.replayed + 1),
        [BY_REPLAY]: true,
      },
      partition: partition ?? (returns && letter.partition < topic.partitions ? letter.partition : undefined),
      timestamp,
      fields,
    }
  }
}

/** Where there are fewer priorities it is one of the highest. */
function priorityIn({ priorities }: QueueShape, { priority }: StoredLetter): number {
  return Math.min(priority, priorities - 1)
}

/** The promise's value; undefined when the signal comes first. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T | undefined> {
  if (signal === undefined) return promise
  let aborted = (): void => undefined
  const cut = new Promise<undefined>(resolve => {
    aborted = () => resolve(undefined)
    if (signal.aborted) aborted()
    else onAbort(signal, aborted)
  })
  return Promise.race([promise, cut]).finally(() => offAbort(signal, aborted))
}

/** Waits for publishes under way; after an abort for a moment only. */
async function settledOrAborted(outcomes: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  await unlessAborted(outcomes, signal)
  if (signal?.aborted !== true) return
  let timer: NodeJS.Timeout | undefined
  const grace = new Promise(resolve => {
    timer = setTimeout(resolve, ABORT_GRACE_MS)
  })
  await Promise.race([outcomes, grace])
  clearTimeout(timer)
}
