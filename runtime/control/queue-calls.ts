/**
 * What is asked of a queue: to open it, its counts, and what a run of its consumers is.
 *
 * The control thread. To wait for it and to delete it are asked as of its topic and group (group-calls.ts, topic-calls.ts).
 */
import type { QueueRunSpec, RunSpec } from '../wire/control-calls.ts'
import type { PartitionPlace, TopicShape } from '../wire/places.ts'
import type { AskQueue, QueueAsks } from '../wire/queue-asks.ts'
import type { QueueSettings, QueueSummary } from '../wire/queue-calls.ts'
import { deletedTopic } from '../words/deleted-topic.ts'
import { MillraceError } from '../words/errors.ts'
import type { Offset } from '../words/quantities.ts'
import type { CancelOutcome } from '../words/queue-cancel.ts'
import type { CallGate } from './call-gate.ts'
import type { Catalog } from './catalog.ts'
import type { TopicEntry } from './catalog-entries.ts'
import { MessageCancels } from './message-cancels.ts'
import type { PartitionHosts } from './partition-hosts.ts'
import { groupOf, type QueueOpenings } from './queue-openings.ts'
import type { Runs } from './runs.ts'
import type { WindowLending } from './window-lending.ts'

const FOR_EVER: number = Number.POSITIVE_INFINITY

export interface QueueCallParts {
  readonly gate: CallGate
  readonly catalog: Catalog
  readonly hosts: PartitionHosts
  readonly openings: QueueOpenings
  readonly windows: WindowLending
  readonly runs: Runs
}

export class QueueCalls {
  readonly #parts: QueueCallParts
  readonly #cancels: MessageCancels

  constructor(parts: QueueCallParts) {
    this.#parts = parts
    const { catalog, runs } = parts
    this.#cancels = new MessageCancels(this.ask, (id, { cursor, epoch }) => {
      const coordinator = runs.coordinatorOf(groupOf(catalog, queueOf(catalog, id)))
      return coordinator?.consumerAt?.(cursor, epoch) ?? null
    })
  }

  open(name: string, settings: QueueSettings, given: readonly string[]): Promise<TopicShape> {
    const { gate, windows, openings } = this.#parts
    return gate.whileOpen(async () => (await windows.withRoom(() => openings.queue(name, settings, given))).shape)
  }

  async stats(id: number): Promise<QueueSummary> {
    const { catalog, hosts, runs } = this.#parts
    const queue = queueOf(catalog, id)
    const group = groupOf(catalog, queue)
    const [host, cursor] = placeOf(catalog, queue)
    const report = await hosts.call(host, api => api.queueReport(cursor))
    return { queue: queue.shape.name, restarts: runs.restartsOf(group), report }
  }

  /** @throws MillraceError MILL_TOPIC_DELETED, MILL_DISK */
  readonly ask: AskQueue = async (id, ask, asked) => {
    const { catalog, hosts } = this.#parts
    const [host, cursor] = placeOf(catalog, queueOf(catalog, id))
    return (await hosts.call(host, api => api.askQueue(cursor, ask, asked))) as ReturnType<QueueAsks[typeof ask]>
  }

  /** @throws MillraceError MILL_TOPIC_DELETED, MILL_DISK */
  cancel(id: number, offset: Offset, graceMs: number | null): Promise<CancelOutcome> {
    return this.#cancels.cancel(id, offset, graceMs)
  }

  /** @throws MillraceError MILL_TOPIC_DELETED, MILL_DISK */
  confirm(id: number, consumer: number): Promise<void> {
    const { catalog, hosts } = this.#parts
    const [host, cursor] = placeOf(catalog, queueOf(catalog, id))
    return hosts.call(host, api => api.confirmQueue(cursor, consumer))
  }

  /** With what is the queue's own. @throws MillraceError MILL_TOPIC_DELETED, MILL_INVALID_OPTION */
  runOf({ atMostOnce, ...run }: QueueRunSpec): RunSpec {
    const { catalog } = this.#parts
    const queue = queueOf(catalog, run.topic)
    const { name, log, queue: shape } = queue.shape
    if (atMostOnce && log !== null) throw atMostOnceOnDisk(name)
    if (atMostOnce && (shape?.keyConcurrency ?? FOR_EVER) < FOR_EVER) throw atMostOnceByKey(name)
    const { spec } = groupOf(catalog, queue)
    return { ...spec, policy: { ...spec.policy, atMostOnce }, ...run }
  }
}

/** The host of a queue, and the number of its group there. */
function placeOf(catalog: Catalog, queue: TopicEntry): readonly [host: number, cursor: number] {
  const { host } = queue.places[0] as PartitionPlace
  const { cursor } = groupOf(catalog, queue).places[0] as { readonly cursor: number }
  return [host, cursor]
}

/** The claim of a message, which is acked before its handler begins, ends with its process: the next one would hand it out again. */
function atMostOnceOnDisk(name: string): MillraceError {
  return new MillraceError(
    'MILL_INVALID_OPTION',
    `queue ${name} is on disk, and cannot be handled at most once: leave \`delivery\` out, or open a queue with durability: 'memory'`,
  )
}

/** A message that is acked before its handler begins would let the next of its key go. */
function atMostOnceByKey(name: string): MillraceError {
  return new MillraceError(
    'MILL_INVALID_OPTION',
    `queue ${name} limits keys, and cannot be handled at most once: leave \`delivery\` out, or open a queue without \`keyConcurrency\``,
  )
}

/** @throws MillraceError MILL_TOPIC_DELETED */
function queueOf({ topics }: Catalog, id: number): TopicEntry {
  const queue = topics.get(id)
  if (queue === undefined) throw deletedTopic(null, 'queue')
  return queue
}
