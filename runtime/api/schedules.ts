/**
 * The schedules of a broker: made, kept, found again, and ended with their targets.
 *
 * The creating thread; a loop for each (schedule-loop.ts). A schedule of an earlier process goes on when its target is opened: who opens a
 * queue may want other options than the folder has, which a tick must not settle first.
 *
 * Bound: SCHEDULES_MAX.
 */
import { clearTimeout, setTimeout, wallMs } from '../../actors/world.ts'
import type { Session } from '../embedded/session.ts'
import { checkScheduleOptions } from '../options/schedule-options.ts'
import { keptMessage } from '../publish/scheduled-message.ts'
import { ScheduleLoop, type ScheduleSeams } from '../schedule/schedule-loop.ts'
import {
  beginProgress,
  definitionOf,
  isSameRhythm,
  progressOf,
  type Rhythm,
  type ScheduleDefinition,
  type ScheduleProgress,
  type Sending,
  textOf,
} from '../schedule/schedule-record.ts'
import { deletedTopic } from '../words/deleted-topic.ts'
import { isMillraceError, MillraceError } from '../words/errors.ts'
import { checkName } from '../words/names.ts'
import type { Schedule, ScheduleOptions, TickMessage } from '../words/schedule.ts'
import { ScheduleClient } from './schedule-client.ts'
import { type OpenTarget, TickPlaces } from './tick-places.ts'

/** Schedules of one broker. */
const SCHEDULES_MAX = 10_000

export class Schedules {
  readonly #session: Session
  readonly #clients = new Map<string, ScheduleClient>()
  readonly #places: TickPlaces
  #line: Promise<unknown> = Promise.resolve()
  #isClosing = false

  constructor(session: Session) {
    this.#session = session
    this.#places = new TickPlaces(session, { endOf: id => this.#endOf(id), opening: id => this.#resend(id) })
    session.scheduled = () => this.#clients.size
    this.#load()
  }

  /** Finds those that the folder has. */
  #load(): void {
    for (const { name, definition, progress } of this.#session.schedules) {
      const defined = definitionOf(definition)
      const kept = progressOf(progress)
      const sending = defined.target.id === null ? null : onDiskOf(kept.sending)
      try {
        this.#clients.set(name, this.#client(defined, { ...kept, sending }))
      } catch (error) {
        this.#session.events.emit('scheduleFailed', { schedule: name, error: error as Error, retries: false })
      }
    }
  }

  /** A topic, queue or exchange is open: schedules that wait for it go on. */
  opened(target: OpenTarget): void {
    if (!this.#places.opened(target)) return
    for (const client of [...this.#clients.values()].filter(each => isFor(each, target))) {
      const { id } = client.loop.definition.target
      if (id === null || id === target.id) client.loop.begin()
      else this.#targetGone(client, target)
    }
  }

  /** What is kept for a topic is put in line before anything else goes there. */
  #resend(topic: number): void {
    for (const { loop } of this.#clients.values())
      if (loop.progress.sending?.places.some(place => place.topic === topic) === true) loop.resend()
  }

  /** A topic, queue or exchange is deleted, and with it the schedules that lead to it. */
  deleted(target: OpenTarget): void {
    this.#places.deleted(target)
    for (const client of this.#clients.values()) if (isFor(client, target)) this.#targetGone(client, target)
  }

  #targetGone(client: ScheduleClient, { name, kind }: OpenTarget): void {
    const error = deletedTopic(name, kind)
    this.#session.events.emit('scheduleFailed', { schedule: client.name, error, retries: false })
    this.remove(client).catch(() => undefined)
  }

  async schedule(name: string, when: ScheduleOptions, target: unknown, message: TickMessage): Promise<Schedule> {
    const checkedName = checkName('schedule', name)
    const { cron, everyMs, timeZone = 'UTC', missed, overlap } = checkScheduleOptions(when)
    this.checkAccepts()
    const { shape, ...open } = this.#places.targetOf(target)
    if (overlap === 'skip' && open.kind !== 'queue')
      throw new MillraceError(
        'MILL_INVALID_OPTION',
        `\`overlap: 'skip'\` is for queues: a message to ${open.kind} ${open.name} is not settled in one place; leave it out`,
      )
    const kept = keptMessage(message, shape)
    const nowMs = wallMs()
    const rhythm: Rhythm = cron === undefined ? { everyMs: everyMs as number, startMs: nowMs } : { cron, timeZone }
    const to = { ...open, id: shape?.log === null ? null : open.id }
    const wanted: ScheduleDefinition = {
      name: checkedName,
      rhythm,
      rules: { missed, overlap },
      target: to,
      message: kept,
    }
    let client: ScheduleClient | undefined
    await this.#serially(async () => {
      client = await this.#upsert(wanted, nowMs)
    })
    const made = client as ScheduleClient
    if (this.#places.has(open)) return made
    // Its target was deleted meanwhile.
    await this.remove(made)
    throw deletedTopic(open.name, open.kind)
  }

  async #upsert(wanted: ScheduleDefinition, nowMs: number): Promise<ScheduleClient> {
    this.checkAccepts()
    const { name } = wanted
    const known = this.#clients.get(name)
    if (known === undefined) {
      if (this.#clients.size >= SCHEDULES_MAX)
        throw new MillraceError(
          'MILL_OUT_OF_RANGE',
          `a broker has at most ${SCHEDULES_MAX} schedules: remove some, or send several messages from one handler`,
        )
      const client = this.#client(wanted, beginProgress(nowMs, false))
      await this.#keep(wanted, client.loop.progress)
      this.#clients.set(name, client)
      client.loop.begin()
      return client
    }
    const { definition: before, progress } = known.loop
    const isSame = isSameRhythm(before.rhythm, wanted.rhythm)
    const definition = { ...wanted, rhythm: isSame ? before.rhythm : wanted.rhythm }
    if (textOf(definition) === textOf(before)) return known
    const decidedMs = isSame ? progress.decidedMs : nowMs
    const isSameTarget = textOfTarget(definition) === textOfTarget(before)
    const changed = isSameTarget ? { ...progress, decidedMs } : beginProgress(decidedMs, progress.paused)
    await this.#keep(definition, changed)
    known.loop.redefine(definition, changed)
    if (!known.loop.hasBegun) known.loop.begin()
    return known
  }

  list(): readonly Schedule[] {
    this.#session.checkOpen()
    return [...this.#clients.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  async remove(client: ScheduleClient): Promise<void> {
    this.checkAccepts()
    await this.#serially(async () => {
      if (client.isRemoved) return
      await this.#session.ask(control => control.forgetSchedule(client.name))
      client.isRemoved = true
      client.loop.end()
      client.abort.abort()
      this.#clients.delete(client.name)
    })
  }

  checkAccepts(): void {
    this.#session.checkAccepts()
  }

  /** The broker closes: nothing is decided any more, and what waits for room is left to the next process. */
  end(): void {
    this.#isClosing = true
    for (const { loop, abort } of this.#clients.values()) {
      loop.end()
      abort.abort()
    }
  }

  #serially(task: () => Promise<void>): Promise<void> {
    const done = this.#line.then(task)
    this.#line = done.catch(() => undefined)
    return done
  }

  async #keep(definition: ScheduleDefinition, progress: ScheduleProgress): Promise<void> {
    const kept = { name: definition.name, definition: textOf(definition), progress: textOf(progress) }
    await this.#session.ask(control => control.keepSchedule(kept))
  }

  /** The number behind all that are kept for a target. */
  #endOf(topic: number): number {
    let end = 0
    for (const { loop } of this.#clients.values()) {
      const { ticks, places } = loop.progress.sending ?? { ticks: [], places: [] }
      for (const place of places) if (place.topic === topic) end = Math.max(end, place.first + ticks.length)
    }
    return end
  }

  #client(definition: ScheduleDefinition, progress: ScheduleProgress): ScheduleClient {
    return new ScheduleClient(this, client => new ScheduleLoop(definition, progress, this.#seamsOf(client)))
  }

  #seamsOf(client: ScheduleClient): ScheduleSeams {
    const { events } = this.#session
    return {
      nowMs: () => wallMs(),
      wait: (ms, then) => {
        const timer = setTimeout(then, ms)
        timer.unref()
        return () => clearTimeout(timer)
      },
      serially: task => this.#serially(task),
      keep: progress => this.#session.ask(control => control.keepProgress(client.name, textOf(progress))),
      places: count => this.#places.take(client.loop.definition, count),
      send: (place, index, tickMs) =>
        this.#places.send(client.loop.definition, place, index, tickMs, client.abort.signal),
      isOpen: offset => this.#places.isOpen(client.loop.definition, offset),
      unsent: ({ reason, firstMs, lastMs, count }) => {
        if (reason === 'missed') client.counts.missed += count
        else client.counts.overlapped += count
        const [first, last] = [new Date(firstMs), new Date(lastMs)]
        events.emit('ticksUnsent', { schedule: client.name, reason, first, last, ticks: count, error: null })
      },
      refused: (tickMs, error) => {
        client.counts.refused++
        const tick = new Date(tickMs)
        const { name: schedule, target } = client
        const why = error ?? unroutable(target)
        events.emit('ticksUnsent', { schedule, reason: 'refused', first: tick, last: tick, ticks: 1, error: why })
      },
      sent: () => {
        client.counts.sent++
      },
      mayGoOn: error => this.#mayGoOn(client, error),
    }
  }

  #mayGoOn({ name: schedule }: ScheduleClient, error: Error): boolean {
    if (this.#isClosing || this.#session.closed || isMillraceError(error, 'MILL_ABORTED')) return false
    // Its end is told with that of its target.
    if (isMillraceError(error, 'MILL_TOPIC_DELETED')) return false
    const retries = !(['MILL_DISK', 'MILL_CORRUPT', 'MILL_THREAD_LOST'] as const).some(code =>
      isMillraceError(error, code),
    )
    this.#session.events.emit('scheduleFailed', { schedule, error, retries })
    return retries
  }
}

function isFor({ loop }: ScheduleClient, { name, kind }: OpenTarget): boolean {
  const { target } = loop.definition
  return name === target.name && kind === target.kind
}

/** What was on its way into memory ended with its process. */
function onDiskOf(sending: Sending | null): Sending | null {
  if (sending === null) return null
  const places = sending.places.filter(place => place.isInMemory !== true)
  return places.length === 0 && sending.places.length > 0 ? null : { ...sending, places }
}

function unroutable(exchange: string): MillraceError {
  return new MillraceError(
    'MILL_UNROUTABLE',
    `exchange ${exchange} has no binding that takes the message of the schedule: bind a queue or a topic, or give it an alternate`,
  )
}

function textOfTarget({ target }: ScheduleDefinition): string {
  return JSON.stringify(target)
}
