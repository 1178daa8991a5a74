/**
 * The main thread's part of a journal: what was sent and answered, what is in the log and in the dead letters, and what
 * the broker says is settled.
 *
 * Main thread, which nobody ends. Ids are whole numbers, which the messages carry.
 */
import type { DeadLetterReason } from '../../words/broker-events.ts'
import type { Delivery } from '../../words/delivery.ts'
import type { Group } from '../../words/group.ts'
import type { Topic } from '../../words/topic.ts'
import { Journal } from './journal.fixture.ts'
import { keyNumber } from './witness.fixture.ts'

/** Outcomes of a send, by their number in the journal. */
export const OUTCOMES = ['ok', 'fail', 'info'] as const
/** Reasons of dead letters, by their number in the journal. */
export const REASONS: readonly DeadLetterReason[] = ['failed', 'rejected', 'timeout', 'decode', 'crashed']

/** Of a topic of any values, what is looked at. */
export type Recordable = Pick<Topic<never>, 'name' | 'stats'> & { group(name: string): Pick<Group<never>, 'stats'> }

/** How often what is committed is looked at while a program goes on. */
const SAMPLE_MS = 40

export class Recorder {
  readonly journal: Journal
  #sampling: Promise<void> | null = null
  #ended = false

  constructor(entries: number) {
    this.journal = new Journal(entries)
  }

  /** `count` messages whose ids follow each other, `first` before the others. */
  sent(first: number, count = 1, producer = 0): void {
    this.journal.add('sent', { who: producer, id: first, a: count })
  }

  answered(
    first: number,
    outcome: (typeof OUTCOMES)[number],
    { count = 1, partition = 0, offset = -1 }: { count?: number; partition?: number; offset?: number } = {},
  ): void {
    this.journal.add('answered', { id: first, a: count, b: OUTCOMES.indexOf(outcome), partition, offset })
  }

  /** A record of the log, as a reader of this thread came to it. */
  read({ partition, offset, key }: Delivery<unknown>, id: number): void {
    this.journal.add('read', { partition, offset, id, key: keyNumber(key) })
  }

  letter({ partition, offset, key, headers }: Delivery<unknown>, id: number): void {
    const number = (name: string): number => Number(headers[`millrace-${name}`])
    const reason = REASONS.indexOf(headers['millrace-reason'] as DeadLetterReason)
    this.journal.add('letter', {
      partition,
      offset,
      id,
      key: keyNumber(key),
      a: number('partition'),
      b: number('offset'),
      c: number('failed-attempts') * 16 + reason,
    })
  }

  /** The run is about to be told to stop. */
  stopping(): void {
    this.journal.add('stopping', {})
  }

  /** What the broker says now; a broker that cannot answer has said nothing. */
  async look(topic: Recordable, group: string): Promise<void> {
    const told = await Promise.all([topic.group(group).stats(), topic.stats()]).catch(() => null)
    if (told === null) return
    const [ofGroup, ofTopic] = told
    for (const { partition, committed } of ofGroup.partitions)
      this.journal.add('committed', { partition, offset: committed })
    for (const { partition, logStartOffset } of ofTopic.partitions)
      this.journal.add('logStart', { partition, offset: logStartOffset })
  }

  /** Looks again and again, until `endSampling`. */
  sample(topic: Recordable, group: string): void {
    const go = async (): Promise<void> => {
      while (!this.#ended) {
        await this.look(topic, group)
        await new Promise(resolve => setTimeout(resolve, SAMPLE_MS))
      }
    }
    this.#sampling = go()
  }

  async endSampling(): Promise<void> {
    this.#ended = true
    await this.#sampling
  }
}
