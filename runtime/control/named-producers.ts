/**
 * Named producers: who is open, and how far each had come.
 *
 * The control thread. What is kept may be older than what happened: what a producer has published since is found in the logs,
 * by its number, from the last place on that it was known to have come to; what is still in the rings of one that failed is
 * waited for.
 */
import { isDeepStrictEqual } from 'node:util'
import { clearTimeout, setTimeout } from '../../actors/world.ts'
import { nearestOffset } from '../log/format/frame.ts'
import { spreadOf, spreadOver } from '../publish/key-spread.ts'
import type { NamedPlaces, ProducerState, Spread } from '../wire/producer-places.ts'
import { MillraceError } from '../words/errors.ts'
import type { Catalog } from './catalog.ts'
import { settledOf, type TopicEntry } from './catalog-entries.ts'
import type { PartitionHosts } from './partition-hosts.ts'
import { addRings } from './producer-rings.ts'

/** So long the records of the one before may take to be appended. */
const DRAIN_MS = 5_000

interface OpenProducer {
  readonly thread: number
  /** Its number; null: it is not known yet. */
  id: number | null
}

export class NamedProducers {
  readonly #catalog: Catalog
  readonly #hosts: PartitionHosts
  readonly #serially: <T>(task: () => Promise<T>) => Promise<T>
  /** By topic and name. */
  readonly #open = new Map<string, OpenProducer>()
  /** Called when a ring is gone. */
  readonly #waiting = new Set<() => void>()

  /** `serially`: one opening, deletion or growth at a time. */
  constructor(catalog: Catalog, hosts: PartitionHosts, serially: <T>(task: () => Promise<T>) => Promise<T>) {
    this.#catalog = catalog
    this.#hosts = hosts
    this.#serially = serially
  }

  /** Whether the producer of this number publishes, or may. */
  isOpen(producer: number): boolean {
    return [...this.#open.values()].some(({ id }) => id === producer)
  }

  /** `checkOpen` says whether the thread is still there. @throws MillraceError MILL_INVALID_OPTION, MILL_LOCKED, MILL_TIMEOUT, MILL_DISK */
  async open(thread: number, topic: TopicEntry, name: string, checkOpen: () => void): Promise<NamedPlaces> {
    const { id, name: topicName, log } = topic.shape
    if (log === null)
      throw new MillraceError(
        'MILL_INVALID_OPTION',
        `a named producer needs a topic on disk, and ${topicName} is in memory: nothing of it is left to go on from`,
      )
    const key = keyOf(id, name)
    if (this.#open.has(key))
      throw new MillraceError(
        'MILL_LOCKED',
        `producer ${name} of topic ${topicName} is open: close it first, or use another name`,
      )
    const opened: OpenProducer = { thread, id: null }
    this.#open.set(key, opened)
    try {
      const known = this.#catalog.producers.get(key)
      if (known !== null) await this.#drained(known, name, topic)
      const ends = await this.#ends(topic)
      // Its thread may have ended meanwhile, and the name be another's.
      checkOpen()
      const state = known === null ? this.#make(key, ends) : this.#known(key, known, ends)
      // Of a new one no partition has anything, however long its log is.
      const passed = await Promise.all(
        settledOf(topic, topic.places).map(({ partition }) =>
          known === null ? 0 : this.#passed(topic, partition, state),
        ),
      )
      // The topic may have come to have more partitions since it was looked at.
      return await this.#serially(async () => {
        checkOpen()
        const spread = this.#spread(key, state, passed, topic.shape.partitions)
        opened.id = state.id
        const rings = addRings(this.#catalog, thread, topic, state.id)
        await this.#hosts.all(async (api, host) => {
          const here = rings.filter(ring => ring.place.host === host)
          await Promise.all(here.map(ring => api.addRing(ring.place, id, thread, 0)))
        })
        return {
          topic: topic.shape,
          rings: rings.map(ring => ring.place),
          state: spread,
          passed: topic.places.map(({ partition }) => passed[partition] ?? 0),
        }
      })
    } catch (error) {
      // Once its thread has ended, the name may be another's.
      if (this.#open.get(key) === opened) this.#open.delete(key)
      throw error
    }
  }

  /** A thread has ended: its producers are open no more, and what they left in rings is waited for by whoever opens them next. */
  threadGone(thread: number): void {
    for (const [key, opened] of [...this.#open]) if (opened.thread === thread) this.#open.delete(key)
  }

  /** A ring is gone. */
  ringDrained(): void {
    for (const look of this.#waiting) look()
  }

  /** What the one before has left in its rings is on its way to the log, and is to be found there. */
  async #drained({ id }: ProducerState, name: string, topic: TopicEntry): Promise<void> {
    const isDrained = (): boolean => ![...this.#catalog.rings.values()].some(({ producer }) => producer === id)
    if (isDrained()) return
    let look = (): void => undefined
    let timer: NodeJS.Timeout | undefined
    try {
      await new Promise<void>((resolve, reject) => {
        look = () => {
          if (isDrained()) resolve()
        }
        this.#waiting.add(look)
        timer = setTimeout(() => {
          const what = `what producer ${name} published before has waited ${DRAIN_MS} ms for topic ${topic.shape.name}`
          reject(new MillraceError('MILL_TIMEOUT', `${what}: open it again when the topic takes records`))
        }, DRAIN_MS)
      })
    } finally {
      this.#waiting.delete(look)
      clearTimeout(timer)
    }
  }

  async #ends(topic: TopicEntry): Promise<readonly number[]> {
    const latest = settledOf(topic, topic.places).map(({ partition, host }) =>
      this.#hosts.call(host, api => api.offsetAt(topic.shape.id, partition, 'latest')),
    )
    return (await Promise.all(latest)).map(({ to }) => to)
  }

  #make(key: string, ends: readonly number[]): ProducerState {
    return this.#kept(key, { id: this.#catalog.nextStoredId(), next: 0, seen: ends })
  }

  /** A loss of power may have taken records that were seen: those that come in their place lie before. */
  #known(key: string, known: ProducerState, ends: readonly number[]): ProducerState {
    const seen = known.seen.map((offset, partition) => Math.min(offset, ends[partition] ?? 0))
    const isThere = seen.every((offset, partition) => offset === known.seen[partition])
    return isThere ? known : this.#kept(key, { ...known, seen })
  }

  /**
   * Keys of what comes next are spread over all partitions that there are now. What may be there already has lower numbers, and is
   * looked for, and published, where it was to go before.
   */
  #spread(key: string, state: ProducerState, passed: readonly number[], partitions: number): ProducerState {
    const known = spreadOf(state)
    if (known.at(-1)?.partitions === partitions) return state
    const from = Math.max(state.next, ...passed)
    return this.#kept(key, { ...state, spread: spreadOver(known, from, partitions, state.next) })
  }

  /** Its records are found by what this says: were it lost with the power, they would be published again. */
  #kept(key: string, state: ProducerState): ProducerState {
    this.#catalog.producers.keepDurably(key, state)
    return state
  }

  /** The sequence after the last one that a partition has of the producer. */
  async #passed(topic: TopicEntry, partition: number, { id, next, seen }: ProducerState): Promise<number> {
    const { host } = topic.places[partition] as { readonly host: number }
    const low = await this.#hosts.call(host, api =>
      api.lastSequence(topic.shape.id, partition, id, seen[partition] ?? 0),
    )
    return low === null ? 0 : nearestOffset(next, low) + 1
  }

  /** Of a topic that was deleted nothing is kept any more. */
  keep(topic: number, name: string, state: ProducerState): void {
    if (!this.#catalog.topics.has(topic)) return
    const { producers } = this.#catalog
    const key = keyOf(topic, name)
    // An older one would look for its records in other partitions.
    if (isDeepStrictEqual(spreadEnd(producers.get(key)), spreadEnd(state))) producers.keep(key, state, true)
    else producers.keepDurably(key, state)
  }

  close(topic: number, name: string, state: ProducerState): void {
    try {
      this.keep(topic, name, state)
    } finally {
      this.#open.delete(keyOf(topic, name))
    }
  }
}

/** From where on its records are spread as they are last. */
function spreadEnd(state: ProducerState | null): Spread | undefined {
  return state === null ? undefined : spreadOf(state).at(-1)
}

function keyOf(topic: number, name: string): string {
  return `${topic}/${name}`
}
