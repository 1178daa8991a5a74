/**
 * The dead letters of a topic as callers use them. The thread that made the broker.
 *
 * Replays and purges of one dead-letter topic go one after another, so that no letter is taken twice.
 */
import { Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Session } from '../embedded/session.ts'
import type { LetterTopic, LetterTopics } from '../wire/letter-calls.ts'
import { totalOf } from '../words/counters.ts'
import type {
  DeadLetter,
  DeadLetterFilter,
  DeadLetterSelection,
  DeadLetterStats,
  DeadLetters,
  DeadLettersOptions,
  ReplayOptions,
  ReplayReport,
} from '../words/dead-letter.ts'
import { MillraceError } from '../words/errors.ts'
import { show } from '../words/names.ts'
import { exportLine } from './export-line.ts'
import { type LettersFound, type Origin, openLetters } from './letter-pages.ts'
import { checkReplayOptions, Replay, topicName } from './replay.ts'
import { checkDeadLettersOptions, filtered, type Selection, selected } from './selection.ts'
import type { StoredLetter } from './stored-letter.ts'
import { Turns } from './turns.ts'

/** The replays and purges of each dead-letter topic, by its id. */
const turnsOf = new WeakMap<Session, Turns>()

export class DeadLettersClient<V> implements DeadLetters<V> {
  readonly #session: Session
  readonly #origin: Origin

  constructor(session: Session, topic: unknown, options: DeadLettersOptions | undefined) {
    this.#session = session
    const { group } = checkDeadLettersOptions(options)
    this.#origin = { topic: topicName(topic), group }
  }

  get topic(): string {
    return this.#origin.topic
  }

  async stats(): Promise<DeadLetterStats> {
    const { topics } = await this.#topics()
    const depths = topics.map(({ name, partitions }) => ({
      topic: name,
      ...totalOf(['depth'], partitions),
    }))
    return { ...totalOf(['depth'], depths), topics: depths }
  }

  async count(filter: DeadLetterFilter = {}): Promise<number> {
    let count = 0
    for await (const _ of this.#letters(filtered(filter))) count++
    return count
  }

  browse(filter: DeadLetterFilter = {}): AsyncIterableIterator<DeadLetter<V>> {
    return this.#letters(filtered(filter)) as AsyncIterableIterator<StoredLetter<V>>
  }

  export(filter: DeadLetterFilter = {}): AsyncIterableIterator<string> {
    return this.#lines(filtered(filter))
  }

  async exportTo(stream: Writable, filter: DeadLetterFilter = {}): Promise<number> {
    if (typeof (stream as Partial<Writable> | null)?.write !== 'function')
      throw new MillraceError('MILL_INVALID_OPTION', `exportTo takes a writable stream, not ${show(stream)}`)
    let count = 0
    const lines = this.#lines(filtered(filter))
    const counted = async function* (): AsyncGenerator<string> {
      for await (const line of lines) {
        yield line
        count++
      }
    }
    await pipeline(Readable.from(counted()), stream, { end: false })
    return count
  }

  async replay(selection: DeadLetterSelection<V>, options?: ReplayOptions<V>): Promise<ReplayReport> {
    const chosen = selected(selection)
    const checked = checkReplayOptions(options)
    this.#session.checkAccepts()
    const { codec, topics } = await this.#topics()
    const target = checked.to ?? this.topic
    if (topics.some(({ name }) => name === target)) {
      throw new MillraceError(
        'MILL_INVALID_OPTION',
        `dead letters of topic ${this.topic} cannot be replayed to ${target}, where they are; use another topic`,
      )
    }
    const replay = new Replay(this.#session, await this.#session.publishers.open(target), checked)
    await this.#inTurn(topics, async topic => {
      for await (const found of openLetters(this.#session, topic, codec, this.#origin, chosen)) {
        const left = chosen.limit - replay.report.replayed
        if (left <= 0) return
        await replay.page(found, left)
      }
    })
    return replay.report
  }

  async purge(selection: DeadLetterSelection<V>): Promise<number> {
    const chosen = selected(selection)
    this.#session.checkAccepts()
    const { codec, topics } = await this.#topics()
    let purged = 0
    await this.#inTurn(topics, async topic => {
      for await (const { partition, letters } of openLetters(this.#session, topic, codec, this.#origin, chosen)) {
        const taken = letters.slice(0, chosen.limit - purged)
        if (taken.length === 0) return
        const marks = taken.map(({ letter: { offset }, cursor }) => ({ offset, cursor }))
        await this.#session.ask(control => control.settleLetters(topic.id, partition, marks))
        purged += taken.length
      }
    })
    return purged
  }

  #topics(): Promise<LetterTopics> {
    return this.#session.ask(control => control.letterTopics(this.topic))
  }

  /** Works through one dead-letter topic after another, each in turn with other replays and purges. */
  async #inTurn(topics: readonly LetterTopic[], work: (topic: LetterTopic) => Promise<void>): Promise<void> {
    const turns = turnsOf.get(this.#session) ?? new Turns()
    turnsOf.set(this.#session, turns)
    for (const topic of topics) await turns.take(topic.id, () => work(topic))
  }

  async *#found(selection: Selection): AsyncGenerator<LettersFound> {
    const { codec, topics } = await this.#topics()
    for (const topic of topics) yield* openLetters(this.#session, topic, codec, this.#origin, selection)
  }

  async *#letters(selection: Selection): AsyncGenerator<StoredLetter> {
    let left = selection.limit
    for await (const { letters } of this.#found(selection)) {
      for (const letter of letters) {
        yield letter
        if (--left <= 0) return
      }
    }
  }

  async *#lines(selection: Selection): AsyncGenerator<string> {
    for await (const letter of this.#letters(selection)) yield exportLine(letter)
  }
}
