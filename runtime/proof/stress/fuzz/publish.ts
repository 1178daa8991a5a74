/** One publisher: it goes through its steps, and writes down what it sends before it does, and what is said of it after. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Broker } from '../../../words/broker.ts'
import { FullError, UnpublishedError } from '../../../words/errors.ts'
import type { Message, PublishOptions, Receipt } from '../../../words/message.ts'
import type { Topic } from '../../../words/topic.ts'
import { Chance } from '../../sim/chance.ts'
import type { Calls } from './calls.ts'
import { digestOf, encodedJob, jobOf } from './jobs.ts'
import type { Failing, Fate, Job, PublisherPlan, PublishStep, TopicPlan } from './plan.ts'
import { CROWD } from './plan-program.ts'
import type { Sink } from './sink.ts'

const nap = new Int32Array(new SharedArrayBuffer(4))
/** Calls that are not waited for one by one. */
const PENDING_MAX = 200

export class Publisher {
  readonly #broker: Broker
  readonly #topic: Topic
  readonly #shape: TopicPlan
  readonly #plan: PublisherPlan
  readonly #calls: Calls
  readonly #sink: Sink
  readonly #chance: Chance
  readonly #life: number
  /** Topics that take the dead letters of its topic, once a group has joined with them. */
  readonly #letters: readonly string[]
  readonly #late: Promise<unknown>[] = []
  #next = 0
  #stalls = false

  constructor(
    broker: Broker,
    topic: Topic,
    shape: TopicPlan,
    plan: PublisherPlan,
    {
      calls,
      sink,
      seed,
      life,
      letters,
    }: {
      readonly calls: Calls
      readonly sink: Sink
      readonly seed: number
      readonly life: number
      readonly letters: readonly string[]
    },
  ) {
    this.#broker = broker
    this.#topic = topic
    this.#shape = shape
    this.#plan = plan
    this.#calls = calls
    this.#sink = sink
    this.#life = life
    this.#letters = letters
    this.#chance = new Chance(seed * 31 + life * 7 + Number(plan.name.slice(1)))
  }

  async go(): Promise<void> {
    for (const step of this.#plan.steps) await this.#step(step)
    await Promise.all(this.#late)
  }

  async #step(step: PublishStep): Promise<void> {
    if (step.do === 'pause') await sleep(step.ms)
    else if (step.do === 'stall') {
      this.#sink.add({ e: 'did', what: 'main thread stalls' })
      Atomics.wait(nap, 0, 0, step.ms)
    } else if (step.do === 'flush') await this.#calls.make('flush', () => this.#topic.flush())
    else if (step.do === 'try') this.#tryAll(step.count)
    else if (step.do === 'batch') await this.#batch(step.count, step.abortMs, step.timeoutMs)
    else if (step.do === 'named') await this.#named(step.batches, step.count)
    else if (step.do === 'grow') await this.#grow(step.count)
    else await this.#publishAll(step)
  }

  /** Others may do the same at that moment. Topics that no group has joined with do not grow with their source. */
  async #grow(count: number): Promise<void> {
    const there = await this.#calls.make('topics', () => this.#broker.topics())
    if (there instanceof Error) return
    for (const { name, deadLettersOf } of there)
      if (this.#letters.includes(name) && !deadLettersOf.includes(this.#topic.name))
        await this.#growLetters(name, count)
    const partitions = await this.#calls.make('addPartitions', () => this.#topic.addPartitions(count))
    if (!(partitions instanceof Error)) this.#sink.add({ e: 'grown', topic: this.#shape.name, partitions })
  }

  async #growLetters(name: string, count: number): Promise<void> {
    const letters = await this.#calls.make('topic', () => this.#broker.topic(name))
    if (!(letters instanceof Error)) await this.#calls.make('addPartitions', () => letters.addPartitions(count))
  }

  #fate(): Fate {
    let share = this.#chance.next()
    for (const [fate, part] of Object.entries(this.#plan.fates)) {
      share -= part
      if (share < 0) return fate as Fate
    }
    return 'ok'
  }

  #job(id: string, fate: Fate): Job {
    const chance = this.#chance
    const ms = fate === 'stall' ? chance.between(100, 1_500) : chance.between(1, fate === 'later' ? 6 : 15)
    const how = chance.happens(this.#plan.hostile)
      ? chance.pick<Failing>(['throwHostile', 'returnHostile'])
      : chance.pick<Failing>(['throw', 'reject'])
    return { id, fate, ms, times: chance.between(1, 2), how, pad: 'x'.repeat(chance.below(this.#plan.padMax)) }
  }

  #message(fate = this.#fate(), id = `${this.#life}.${this.#plan.name}.${this.#next++}`): Message {
    const { keys, unkeyed, placed, headed } = this.#plan
    const chance = this.#chance
    const name = `key ${chance.below(keys)}`
    const key = chance.happens(unkeyed) ? null : chance.happens(0.1) ? new TextEncoder().encode(name) : name
    const job = this.#job(id, fate)
    return {
      value: encodedJob(job, this.#shape.codec),
      key,
      ...(chance.happens(placed) ? { partition: chance.below(this.#topic.partitions) } : {}),
      ...(chance.happens(headed) ? { headers: { trace: id, bytes: new TextEncoder().encode(id) } } : {}),
    }
  }

  #sent(call: number, messages: readonly Message[], source = 'main'): void {
    for (const message of messages) {
      const { key, partition, value } = message
      const { id, fate } = jobOf(value)
      const text = key instanceof Uint8Array ? new TextDecoder().decode(key) : (key ?? null)
      const { name: topic } = this.#shape
      this.#sink.add({
        e: 'sent',
        call,
        source,
        topic,
        id,
        key: text,
        partition: partition ?? null,
        digest: digestOf(message),
        fate,
      })
    }
  }

  #options(abortMs: number | null, timeoutMs: number | null): [PublishOptions, () => void] {
    const control = new AbortController()
    const abort = (): void => {
      if (abortMs === 0) control.abort()
      else if (abortMs !== null) setTimeout(() => control.abort(), abortMs)
    }
    return [
      { ...(abortMs === null ? {} : { signal: control.signal }), ...(timeoutMs === null ? {} : { timeoutMs }) },
      abort,
    ]
  }

  async #one(message: Message, abortMs: number | null, timeoutMs: number | null): Promise<void> {
    const call = this.#calls.number()
    this.#sent(call, [message])
    const [options, abort] = this.#options(abortMs, timeoutMs)
    const result = await this.#calls.make(
      'publish',
      () => {
        const published = this.#topic.publish(message, options)
        abort()
        return published
      },
      this.#shape.onFull,
      call,
    )
    const { id } = jobOf(message.value)
    if (result instanceof FullError) this.#sink.add({ e: 'answer', id, is: 'refused' })
    else if (result instanceof Error) this.#sink.add({ e: 'answer', id, is: 'unknown' })
    else this.#acked(id, result)
  }

  #acked(id: string, { topic, partition, offset, durability }: Receipt): void {
    this.#sink.add({ e: 'acked', id, topic: this.#shape.name, partition, offset, durability })
    if (topic !== this.#topic.name) this.#sink.add({ e: 'uncaught', text: `a receipt of ${topic}` })
  }

  async #publishAll({ awaits, count, abortMs, timeoutMs }: PublishStep & { readonly do: 'publish' }): Promise<void> {
    const pending: Promise<unknown>[] = []
    for (let n = 0; n < count; n++) {
      const one = this.#one(this.#message(), abortMs, timeoutMs)
      if (awaits === 'each') await one
      else if (awaits === 'all') pending.push(one)
      else this.#late.push(one)
    }
    await Promise.all(pending)
    if (this.#late.length > PENDING_MAX) await Promise.all(this.#late.splice(0))
  }

  #tryAll(count: number): void {
    const call = this.#calls.number()
    this.#sink.add({ e: 'call', call, what: 'tryPublish', about: '' })
    for (let n = 0; n < count; n++) {
      const message = this.#message()
      this.#sent(call, [message])
      const isTaken = this.#topic.tryPublish(message)
      this.#sink.add({ e: 'answer', id: jobOf(message.value).id, is: isTaken ? 'taken' : 'refused' })
    }
    this.#sink.add({ e: 'returned', call, what: 'tryPublish', code: 'ok', why: '', ms: 0 })
  }

  /** A record at which a handler of a group stands still comes in the middle of what a fast group has to do. */
  #batchOf(count: number): Message[] {
    const isDue = count === CROWD && this.#next >= 2 * CROWD && !this.#stalls
    const stallsAt = isDue && this.#chance.happens(0.9) ? this.#chance.below(count) : -1
    if (stallsAt >= 0) this.#stalls = true
    return Array.from({ length: count }, (_, n) => this.#message(n === stallsAt ? 'stall' : this.#fate()))
  }

  async #batch(count: number, abortMs: number | null, timeoutMs: number | null): Promise<void> {
    const call = this.#calls.number()
    const messages = this.#batchOf(count)
    this.#sent(call, messages)
    const [options, abort] = this.#options(abortMs, timeoutMs)
    const result = await this.#calls.make(
      'publishBatch',
      () => {
        const published = this.#topic.publishBatch(messages, options)
        abort()
        return published
      },
      this.#shape.onFull,
      call,
    )
    const ids = (of: readonly unknown[]): string[] => of.map(message => jobOf((message as Message).value).id)
    if (result instanceof UnpublishedError)
      this.#sink.add({ e: 'lists', call, unpublished: ids(result.unpublished), unknown: ids(result.unknown) })
    else if (!(result instanceof Error))
      this.#sink.add({ e: 'ranges', call, topic: this.#shape.name, ranges: result.ranges })
  }

  /** Numbered records, each with the same content in every life, from where the producer says. */
  async #named(batches: number, count: number): Promise<void> {
    const { name } = this.#plan
    const producer = await this.#calls.make('producer', () => this.#broker.producer(name, this.#topic))
    if (producer instanceof Error) return
    this.#sink.add({ e: 'named', name, next: producer.next, sentBefore: 0 })
    for (let batch = 0; batch < batches; batch++) {
      const messages = Array.from({ length: count }, (_, n) => this.#numbered(producer.next + n))
      const call = this.#calls.number()
      this.#sent(call, messages, name)
      const result = await this.#calls.make('named publishBatch', () => producer.publishBatch(messages), '', call)
      if (result instanceof Error) break
      for (const message of messages) this.#sink.add({ e: 'answer', id: jobOf(message.value).id, is: 'taken' })
      if (result.repeated > 0) this.#sink.add({ e: 'did', what: 'named producer repeats' })
    }
    await this.#calls.make('producer close', () => producer.close())
  }

  #numbered(sequence: number): Message {
    const id = `named.${this.#plan.name}.${sequence}`
    const fate = sequence % 17 === 3 ? 'later' : 'ok'
    const job: Job = { id, fate, ms: 1, times: 0, how: 'throw', pad: 'x'.repeat(sequence % 97) }
    return { key: `key ${sequence % 5}`, value: encodedJob(job, this.#shape.codec) }
  }
}
