/** What one group does in a life: its members come and go, it is moved, and its dead letters are looked at and sent back. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Broker } from '../../../words/broker.ts'
import type { DeadLetter } from '../../../words/dead-letter.ts'
import { isMillraceError } from '../../../words/errors.ts'
import type { Group } from '../../../words/group.ts'
import type { GroupStats } from '../../../words/listing.ts'
import type { Topic } from '../../../words/topic.ts'
import { digestOf, encodedJob, jobOf } from './jobs.ts'
import { Member, type Setting } from './members.ts'
import type { GroupPlan, GroupStep, Job, MemberPlan, TopicPlan } from './plan.ts'

/** How long it is waited for members that leave in the background. */
const LEAVE_MS = 500
/** By then a subscription has left, however busy the machine is. */
const LEAVE_MS_MAX = 10_000

export class Conductor {
  readonly plan: GroupPlan
  readonly #broker: Broker
  readonly #topic: Topic
  readonly #shape: TopicPlan
  readonly #setting: Setting
  readonly group: Group
  readonly #members = new Map<string, Member>()
  readonly #seen = new Set<string>()
  #repairs = 0

  constructor(broker: Broker, topic: Topic, shape: TopicPlan, plan: GroupPlan, setting: Setting) {
    this.plan = plan
    this.#broker = broker
    this.#topic = topic
    this.#shape = shape
    this.#setting = setting
    this.group = topic.group(plan.name)
  }

  async go(): Promise<void> {
    for (const step of this.plan.steps) await this.#step(step)
  }

  async #step(step: GroupStep): Promise<void> {
    if (step.do === 'wait') await sleep(step.ms)
    else if (step.do === 'join') await this.join(step.member)
    else if (step.do === 'pause') await this.#members.get(step.member)?.pause()
    else if (step.do === 'resume') await this.#members.get(step.member)?.resume()
    else if (step.do === 'idle') await this.#idle(step.member)
    else if (step.do === 'stop') await this.#stop(step.member, step.timeoutMs)
    else if (step.do === 'seek') await this.#seek(step.to)
    else await this.#letters(step.do)
  }

  async join(plan: MemberPlan): Promise<void> {
    const member = new Member(this.group, this.plan, plan, this.#setting)
    this.#members.set(plan.name, member)
    await member.join()
  }

  /** Somebody must be able to make progress, or it would be waited for in vain. */
  async #idle(name: string): Promise<void> {
    const member = this.#members.get(name)
    if (member === undefined || [...this.#members.values()].some(({ isPaused, isThere }) => isThere && isPaused)) return
    // What waits for a topic that others drain may wait for longer than a call.
    if (this.plan.output === null && this.plan.topic !== 'out') await member.idle()
  }

  async #stop(name: string, timeoutMs: number | null): Promise<void> {
    const member = this.#members.get(name)
    if (member?.isThere !== true) return
    await member.stop(timeoutMs)
    await this.observe()
  }

  /** How far the group is now, and after that how much there is of what its handlers make. */
  async observe(): Promise<GroupStats | null> {
    const { calls, sink, prefix } = this.#setting
    const stats = await calls.make('stats', () => this.group.stats())
    if (stats instanceof Error) return null
    const committed = stats.partitions.map(({ committed }) => committed)
    sink.add({ e: 'committed', group: this.plan.name, committed })
    if (this.plan.output === null) return stats
    const output = await calls.make('topic', () => this.#broker.topic(`${prefix}${this.plan.output}`))
    if (output instanceof Error) return stats
    const told = await calls.make('topic stats', () => output.stats())
    if (told instanceof Error) return stats
    const highWatermarks = told.partitions.map(({ highWatermark }) => highWatermark)
    sink.add({ e: 'marks', topic: this.plan.output as string, highWatermarks })
    return stats
  }

  async stopAll(): Promise<void> {
    for (const member of this.#members.values()) if (member.isPaused) await member.resume()
    await Promise.all([...this.#members.values()].filter(({ isThere }) => isThere).map(member => member.stop(null)))
  }

  /** Lets somebody handle all that is left; resolves when nothing is. */
  async drain(): Promise<void> {
    for (const member of this.#members.values()) if (member.isPaused) await member.resume()
    const { life } = this.#setting
    const name = `${this.plan.name}m${life}d`
    const isAlone = [...this.#members.values()].some(
      ({ isThere, plan }) => isThere && plan.kind !== 'consume' && plan.stopAt === null,
    )
    if (!isAlone)
      await this.join({
        name,
        kind: 'handle',
        threads: 1,
        concurrency: 1,
        window: 1,
        batchMax: 1,
        stopAt: null,
        aborts: false,
      })
  }

  async #seek(to: 'earliest' | 'latest' | 'middle' | 'date'): Promise<void> {
    const { calls, sink } = this.#setting
    const members = [...this.#members.values()]
    await this.stopAll()
    if (members.some(member => !member.leavesAtOnce)) await sleep(LEAVE_MS)
    const stats = await calls.make('stats', () => this.group.stats())
    if (stats instanceof Error) return
    const partition = this.#shape.partitions - 1
    const { committed: before = 0, highWatermark = 0 } = stats.partitions[partition] ?? {}
    const oldest = await calls.make('topic stats', () => this.#topic.stats())
    if (oldest instanceof Error) return
    const least = oldest.partitions[partition]?.logStartOffset ?? 0
    const middle = Math.max(least, Math.floor((before + highWatermark) / 3))
    sink.add({ e: 'seeking', group: this.plan.name, failed: false })
    const result = await calls.make('seek', () => {
      if (to === 'middle') return this.group.seek(Math.min(middle, highWatermark), { partition })
      return this.group.seek(to === 'date' ? new Date(Date.now() - 100) : to)
    })
    if (result instanceof Error) {
      sink.add({ e: 'seeking', group: this.plan.name, failed: true })
      return
    }
    const after = await calls.make('stats', () => this.group.stats())
    if (after instanceof Error) return
    const committed = after.partitions.map(one => one.committed)
    const moved = to === 'middle' ? [partition] : [...committed.keys()]
    sink.add({ e: 'sought', group: this.plan.name, committed, moved })
    sink.add({ e: 'did', what: `seek ${to}` })
  }

  /** While a subscription leaves, by and by, its group is busy. */
  async delete(): Promise<void> {
    const mayBeBusy = [...this.#members.values()].some(member => !member.leavesAtOnce)
    const until = performance.now() + LEAVE_MS_MAX
    await this.#setting.calls.make('delete', async () => {
      for (;;) {
        try {
          return await this.group.delete()
        } catch (error) {
          if (!mayBeBusy || !isMillraceError(error, 'MILL_GROUP_BUSY') || performance.now() > until) throw error
        }
        await sleep(10)
      }
    })
  }

  /** All letters that are there, written down once each. */
  async browse(): Promise<DeadLetter[]> {
    const { calls, sink } = this.#setting
    const found: DeadLetter[] = []
    await calls.make('browse', async () => {
      const letters = this.#broker.deadLetters(this.#topic, { group: this.plan.name })
      for await (const letter of letters.browse()) found.push(letter)
    })
    for (const one of found) {
      const { partition, offset, reason, failedAttempts: failed } = one
      const letter = `${one.letter.topic}/${one.letter.partition}/${one.letter.offset}`
      if (this.#seen.has(letter)) continue
      this.#seen.add(letter)
      const group = this.plan.name
      const { id } = jobOf(one.value)
      sink.add({
        e: 'letter',
        group,
        topic: this.#shape.name,
        partition,
        offset,
        id,
        digest: digestOf(one),
        reason,
        failed,
        letter,
      })
    }
    return found
  }

  async #letters(what: 'browse' | 'replay' | 'repair' | 'purge'): Promise<void> {
    const { calls, sink } = this.#setting
    const letters = await this.browse()
    if (what === 'browse' || letters.length === 0) return
    const dead = this.#broker.deadLetters(this.#topic, { group: this.plan.name })
    if (what === 'purge') await calls.make('purge', () => dead.purge(letters))
    else {
      const edit = what === 'repair' ? { edit: (letter: DeadLetter) => this.#repair(letter) } : {}
      await calls.make('replay', () => dead.replay(letters, { timeoutMs: 2_000, replaysMax: 3, ...edit }))
    }
    sink.add({ e: 'did', what })
  }

  #repair(letter: DeadLetter): { readonly value: unknown } {
    const { life, sink, calls } = this.#setting
    const id = `${life}.${this.plan.name}.r${this.#repairs++}`
    const job: Job = { ...jobOf(letter.value), id, fate: 'ok' }
    const value = encodedJob(job, this.#shape.codec)
    const digest = digestOf({ key: letter.keyBytes, value, headers: letter.headers })
    const { name: topic } = this.#shape
    const call = calls.number()
    sink.add({
      e: 'sent',
      call,
      source: `repair ${this.plan.name}`,
      topic,
      id,
      key: letter.key,
      partition: null,
      digest,
      fate: 'ok',
    })
    return { value }
  }
}
