/**
 * One life of a program: its topics are opened, its publishers and groups do what the plan says, and in the last life all that is
 * left is handled, read and written down.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Broker } from '../../../words/broker.ts'
import type { Run } from '../../../words/run.ts'
import type { Topic } from '../../../words/topic.ts'
import { Conductor } from './conduct.ts'
import { digestOf, jobOf } from './jobs.ts'
import type { Setting } from './members.ts'
import { type LifePlan, lettersOf, type ProgramPlan, type TopicPlan } from './plan.ts'
import { Publisher } from './publish.ts'

const MESSAGE_BYTES_MAX = 8_192
/** Letters carry a stack each, and must find room. */
const LETTER_BYTES_MAX = 65_536
const LETTER_WINDOW_BYTES = 4 * 1_048_576
/** In a life that is not the last, groups are helped on when publishers have waited for so long after them. */
const PATIENCE_MS = 300
const LINGER_MS = 3_000
const AUDIT = 'audit'

interface Opened {
  readonly topic: Topic
  readonly shape: TopicPlan
  readonly audit: Run | null
}

export class Life {
  readonly #broker: Broker
  readonly #program: ProgramPlan
  readonly #plan: LifePlan
  readonly #setting: Setting
  readonly #isLast: boolean
  readonly #opened = new Map<string, Opened>()
  readonly #conductors: Conductor[] = []
  /** A group did not come to its end: nobody asks again. */
  #isOver = false

  constructor(broker: Broker, program: ProgramPlan, setting: Setting) {
    this.#broker = broker
    this.#program = program
    this.#setting = setting
    this.#plan = program.lives[setting.life] as LifePlan
    this.#isLast = setting.life === program.lives.length - 1
  }

  async go(): Promise<void> {
    const { sink, life } = this.#setting
    sink.add({ e: 'life', life, dir: this.#program.place === 'disk' })
    const leave = this.#listen()
    await this.#open()
    for (const conductor of this.#conductors) if (life > 0) await conductor.observe()
    await this.#work()
    if (!this.#isLast && this.#plan.kill !== null) await this.#linger()
    if (this.#isLast) await this.#finish()
    else if (this.#plan.stopsFirst) await Promise.all(this.#conductors.map(conductor => conductor.stopAll()))
    leave()
  }

  /** What the broker says unasked, of the topics of this program. */
  #listen(): () => void {
    const { sink, prefix } = this.#setting
    const own = (topic: string | null): topic is string => topic?.startsWith(prefix) === true
    const told = (text: string): void => sink.add({ e: 'uncaught', text })
    const off = [
      this.#broker.on('publishFailed', ({ topic, count }) => {
        if (own(topic)) sink.add({ e: 'publishFailed', topic: topic.slice(prefix.length), count })
      }),
      this.#broker.on('passedOver', ({ topic, group, partition, from, to }) => {
        if (own(topic)) sink.add({ e: 'passedOver', group, partition, from, to })
      }),
      this.#broker.on('restarted', ({ kind, reason }) => told(`a ${kind} thread was started again: ${reason}`)),
      this.#broker.on('failed', ({ topic, error }) => told(`failed: ${topic}: ${error.message}`)),
    ]
    return () => {
      for (const each of off) each()
    }
  }

  async #open(): Promise<void> {
    const { calls, sink, prefix } = this.#setting
    // A life before may have given them more partitions than were planned.
    const there = await calls.make('topics', () => this.#broker.topics())
    if (there instanceof Error) throw there
    const countOf = (name: string, planned: number): number =>
      there.find(topic => topic.name === `${prefix}${name}`)?.partitions ?? planned
    for (const shape of this.#program.topics) {
      const { name, codec, onFull, windowBytes, durability } = shape
      const partitions = countOf(name, shape.partitions)
      const groups = this.#plan.groups.filter(({ topic }) => topic === name)
      const isKept = this.#program.place === 'disk'
      for (const group of groups) {
        const maxMessageBytes = LETTER_BYTES_MAX
        const letters = {
          partitions: countOf(`${group.name}.letters`, partitions),
          codec,
          maxMessageBytes,
          windowBytes: LETTER_WINDOW_BYTES,
        }
        await calls.make('topic', () => this.#broker.topic(lettersOf(prefix, group), letters))
      }
      const names = [...groups.map(group => group.name), ...(isKept ? [] : [AUDIT])]
      const options = { partitions, codec, onFull, windowBytes, maxMessageBytes: MESSAGE_BYTES_MAX, groups: names }
      const kept = isKept ? { durability, retentionMs: Number.POSITIVE_INFINITY } : {}
      const topic = await calls.make('topic', () => this.#broker.topic(`${prefix}${name}`, { ...options, ...kept }))
      if (topic instanceof Error) throw topic
      sink.add({ e: 'topic', topic: name, partitions, durability })
      this.#opened.set(name, { topic, shape, audit: isKept ? null : await this.#audit(topic, shape) })
      for (const group of groups) {
        const { name: ofGroup, style, order, attempts, output } = group
        sink.add({ e: 'group', group: ofGroup, topic: name, style, order, attempts, output })
        this.#conductors.push(new Conductor(this.#broker, topic, shape, group, this.#setting))
      }
    }
  }

  /** Reads a topic in memory as it comes: afterwards it is gone. */
  async #audit(topic: Topic, { name }: TopicPlan): Promise<Run | null> {
    const { calls, sink } = this.#setting
    const run = await calls.make('join audit', () =>
      topic.group(AUDIT).handle(delivery => {
        const { partition, offset, key, value, headers } = delivery
        const replayed = headers['millrace-replayed'] !== undefined
        sink.add({
          e: 'read',
          via: 'audit',
          topic: name,
          partition,
          offset,
          id: jobOf(value).id,
          digest: digestOf(delivery),
          key,
          replayed,
        })
      }),
    )
    return run instanceof Error ? null : run
  }

  /** Ends when all have done what they are to do. */
  async #work(): Promise<void> {
    const { calls, sink, life, prefix } = this.#setting
    const { seed } = this.#program
    let isDone = false
    const publishers = this.#plan.publishers.map(plan => {
      const { topic, shape } = this.#opened.get(plan.topic) as Opened
      const letters = this.#plan.groups
        .filter(group => group.topic === plan.topic)
        .map(group => lettersOf(prefix, group))
      return new Publisher(this.#broker, topic, shape, plan, { calls, sink, seed, life, letters }).go()
    })
    const stepping = this.#conductors.map(conductor => conductor.go())
    const all = Promise.all([...publishers, ...stepping]).then(() => {
      isDone = true
    })
    const helped = this.#conductors.map(async (conductor, n) => {
      await stepping[n]
      if (!this.#isLast) await Promise.race([all, sleep(PATIENCE_MS)])
      if (this.#isLast || !isDone) await conductor.drain()
    })
    await all
    await Promise.all(helped)
  }

  /** Who is to be killed goes on while there is something to do, so that it comes to that. */
  async #linger(): Promise<void> {
    for (const until = performance.now() + LINGER_MS; performance.now() < until; await sleep(20)) {
      const lags = await Promise.all(this.#conductors.map(({ group }) => group.lag()))
      if (lags.every(lag => lag === 0)) return
    }
  }

  async #finish(): Promise<void> {
    const { calls, sink, prefix } = this.#setting
    for (const { topic } of this.#opened.values()) await calls.make('flush', () => topic.flush())
    for (const conductor of this.#conductors) await this.#drained(conductor)
    // What was handled last may have made something of it.
    for (const conductor of this.#conductors) await this.#drained(conductor)
    for (const conductor of this.#conductors) {
      await conductor.stopAll()
      const stats = await conductor.observe()
      await conductor.browse()
      sink.add({ e: 'drained', group: conductor.plan.name, passedOver: stats?.passedOver ?? 0 })
    }
    for (const { topic, audit } of this.#opened.values()) {
      if (audit === null) await this.#replay(topic, topic.name.slice(prefix.length))
      else {
        await calls.make('idle', () => audit.idle())
        await calls.make('stop', () => audit.stop())
      }
      const stats = await calls.make('topic stats', () => topic.stats())
      if (stats instanceof Error) continue
      const highWatermarks = stats.partitions.map(({ highWatermark }) => highWatermark)
      sink.add({ e: 'marks', topic: topic.name.slice(prefix.length), highWatermarks })
    }
    if (this.#program.place === 'memory') for (const conductor of this.#conductors) await conductor.delete()
  }

  async #drained({ group }: Conductor): Promise<void> {
    const { calls } = this.#setting
    const result = await calls.make('drain', () => this.#lagOver(group))
    if (result instanceof Error) this.#isOver = true
  }

  async #lagOver(group: Conductor['group']): Promise<void> {
    for (let waitMs = 2; !this.#isOver && (await group.lag()) > 0; waitMs = Math.min(50, waitMs * 2))
      await sleep(waitMs)
  }

  async #replay(topic: Topic, name: string): Promise<void> {
    const { calls, sink } = this.#setting
    await calls.make('replay topic', async () => {
      for await (const delivery of topic.replay()) {
        const { partition, offset, key, value, headers } = delivery
        const replayed = headers['millrace-replayed'] !== undefined
        sink.add({
          e: 'read',
          via: 'replay',
          topic: name,
          partition,
          offset,
          id: jobOf(value).id,
          digest: digestOf(delivery),
          key,
          replayed,
        })
      }
    })
  }
}
