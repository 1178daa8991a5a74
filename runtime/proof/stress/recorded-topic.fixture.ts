/**
 * A topic of which all is recorded, and the dead letters of its group: for tests at moments that are known.
 *
 * Main thread. Two readers of its own, `audit` of the topic and `audit` of the letters. The key of each message is its
 * id. Bound: ENTRIES entries, some four a record.
 */
import type { Run } from '../../words/run.ts'
import type { Topic } from '../../words/topic.ts'
import { judgeJournal, type RecordedFacts } from './recorded-history.fixture.ts'
import { Recorder } from './recorder.fixture.ts'
import { keyNumber } from './witness.fixture.ts'

const ENTRIES = 20_000

export class RecordedTopic<V> {
  readonly recorder: Recorder = new Recorder(ENTRIES)
  readonly #topic: Topic<V>
  readonly #letters: Topic<unknown> | null
  readonly #audits: Run[] = []
  #next = 0

  private constructor(topic: Topic<V>, letters: Topic<unknown> | null) {
    this.#topic = topic
    this.#letters = letters
  }

  /** Before the first publish. */
  static async open<V>(topic: Topic<V>, letters: Topic<unknown> | null = null): Promise<RecordedTopic<V>> {
    const recorded = new RecordedTopic(topic, letters)
    const { recorder } = recorded
    const run = await topic.group('audit').handle(record => recorder.read(record, keyNumber(record.key)))
    recorded.#audits.push(run)
    if (letters === null) return recorded
    const reading = await letters.group('audit').handle(letter => recorder.letter(letter, keyNumber(letter.key)))
    recorded.#audits.push(reading)
    return recorded
  }

  /** What handlers write into. */
  get journal(): SharedArrayBuffer {
    return this.recorder.journal.buffer
  }

  /** Publishes in one turn, and resolves when all are confirmed. */
  async publish(values: readonly V[], partition = 0): Promise<void> {
    const receipts = values.map(async value => {
      const id = this.#next++
      this.recorder.sent(id)
      const place = await this.#topic.publish({ partition, key: String(id), value })
      this.recorder.answered(id, 'ok', place)
    })
    await Promise.all(receipts)
  }

  /**
   * Stops the idle run of `group`, and says which rules are broken by all that was recorded. `endsMax`: how many handler
   * threads ended before.
   */
  async judge(run: Run, group: string, attempts: number, endsMax: number): Promise<string[]> {
    for (const audit of this.#audits) await audit.idle()
    await this.recorder.look(this.#topic, group)
    const { lag } = await this.#topic.group(group).stats()
    this.recorder.stopping()
    await run.stop()
    for (const audit of this.#audits) await audit.stop()
    const facts: RecordedFacts = {
      topic: this.#topic.name,
      group,
      attempts,
      handlerTimeoutMs: Number.POSITIVE_INFINITY,
      deadLetterTopic: this.#letters?.name ?? null,
      keyOf: id => id,
      readInFull: true,
      drained: lag === 0,
    }
    return judgeJournal(this.recorder.journal, facts, endsMax)
  }
}
