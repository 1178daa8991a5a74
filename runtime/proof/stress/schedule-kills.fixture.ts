/**
 * Processes with schedules on one folder, killed one after the other; and whether each tick was sent once.
 *
 * The oracle is outside of what is killed. At the end the parent lets each schedule go on for a tick, and pauses it: lives may have been too
 * short for that. Each schedule has `missed: 'all'`: its ticks must be there from the first to the last, each at one place.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openBroker } from '../../api/broker.ts'
import type { Durability } from '../../words/message.ts'
import { until } from '../fixtures/broker.fixture.ts'
import { drawMoment, liveUntilKilled } from './killed-child.fixture.ts'
import { KILLED_SCHEDULES, KILLED_TUNING, openTargets } from './schedule-killed.fixture.ts'

const CHILD = new URL('./schedule-killed-child.fixture.js', import.meta.url)
/** Where processes die in turn; `random`: at a moment that the parent draws. */
export const SCHEDULE_POINTS = ['decided', 'kept', 'sent', 'noted', 'opening', 'random'] as const
/** Times that a point is met before it is died at. */
const NTH_MAX = 12

export interface ScheduleKills {
  /** Deaths by where they were. */
  readonly met: ReadonlyMap<string, number>
  /** Ticks that were sent. */
  readonly ticks: number
  readonly problems: readonly string[]
}

/** Places of the messages of each tick, by schedule, target and tick. */
class Ticks {
  readonly #places = new Map<string, Set<string>>()
  readonly problems: string[] = []

  hear(schedule: unknown, target: string, tick: unknown, place: string): void {
    const key = `${schedule}@${target} ${tick}`
    const places = this.#places.get(key) ?? new Set()
    this.#places.set(key, places.add(place))
    if (places.size > 1) this.problems.push(`${key} was sent ${places.size} times: ${[...places].join(', ')}`)
  }

  judge(): number {
    for (const { name, everyMs, comesTo } of KILLED_SCHEDULES)
      for (const target of comesTo) this.#judge(`${name}@${target} `, everyMs)
    return this.#places.size
  }

  /** From the first tick to the last, none is left out. */
  #judge(prefix: string, everyMs: number): void {
    const ticks = [...this.#places.keys()].filter(key => key.startsWith(prefix)).map(key => key.slice(prefix.length))
    const times = ticks.map(tick => Date.parse(tick)).sort((a, b) => a - b)
    if (times.length === 0) this.problems.push(`${prefix}has sent nothing`)
    for (const [index, time] of times.entries()) {
      const before = times[index - 1]
      if (before === undefined || time - before === everyMs) continue
      const [from, to] = [new Date(before).toISOString(), new Date(time).toISOString()]
      this.problems.push(`${prefix}has no tick between ${from} and ${to}`)
    }
  }
}

/** Lets a folder live through so many deaths; the first one is at the point of this number. */
export async function killSchedules(deaths: number, durability: Durability, from = 0): Promise<ScheduleKills> {
  const parent = mkdtempSync(join(tmpdir(), 'millrace-schedule-kills-'))
  const dir = join(parent, 'data')
  const ticks = new Ticks()
  const met = new Map<string, number>()
  for (let death = 0; death < deaths && ticks.problems.length === 0; death++) {
    const point = SCHEDULE_POINTS[(from + death) % SCHEDULE_POINTS.length] as string
    const drawn = point === 'random' ? drawMoment() : undefined
    const nth = point === 'opening' ? 1 : 1 + Math.floor(Math.random() * NTH_MAX)
    let died: string = drawn?.how ?? `not at ${point}`
    const { code, trouble } = await liveUntilKilled({
      module: CHILD,
      args: [dir, durability, point, `${nth}`],
      moment: drawn?.moment,
      hear(line) {
        const [what, schedule, tick, place = ''] = line.split(' ')
        if (what === 'opened') drawn?.begin()
        else if (what === 'at') died = schedule as string
        else if (what === 'b') ticks.hear(schedule, 'worked', tick, place)
      },
    })
    met.set(died, (met.get(died) ?? 0) + 1)
    if (code !== null) ticks.problems.push(`a process ended by itself with code ${code}: ${trouble}`)
  }
  if (ticks.problems.length === 0) await look(dir, durability, ticks)
  const count = ticks.judge()
  if (ticks.problems.length === 0) rmSync(parent, { recursive: true })
  else process.stderr.write(`the folder is kept: ${dir}\n`)
  return { met, ticks: count, problems: ticks.problems }
}

/** Has all that is in the targets, when each schedule has gone on for a tick and what was decided is sent. */
async function look(dir: string, durability: Durability, ticks: Ticks): Promise<void> {
  const broker = await openBroker({ dir, logger: false }, KILLED_TUNING)
  try {
    const targets = await openTargets(broker, durability)
    for (const { name, when, target, message } of KILLED_SCHEDULES)
      await broker.schedule(name, when, targets[target], message)
    const schedules = broker.schedules()
    await until(async () => schedules.every(schedule => schedule.stats().sent > 0))
    for (const schedule of schedules) await schedule.pause()
    let sent = -1
    // What was decided is answered when the counts stand still.
    await until(async () => {
      const before = sent
      sent = schedules.reduce((sum, schedule) => sum + schedule.stats().sent, 0)
      await new Promise(resolve => setTimeout(resolve, 300))
      return sent === before
    })
    for (const queue of [targets.kept, targets.worked, targets.routed])
      for await (const { headers, id } of queue.browse())
        ticks.hear(headers['millrace-schedule'], queue.name, headers['millrace-tick'], id)
    const run = await targets.log.group('look').handle(({ headers, partition, offset }) => {
      ticks.hear(headers['millrace-schedule'], 'log', headers['millrace-tick'], `${partition}:${offset}`)
    })
    await run.idle()
  } finally {
    await broker.close()
  }
}
