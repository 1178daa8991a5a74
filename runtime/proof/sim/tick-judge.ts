/**
 * Judges the schedules of a simulation, by what was made, what was told, and what came to their targets: rule S.
 *
 * Pure. Each tick of a schedule is in a target once, at an instant of its own rhythm, in order, and not before its time. What is not sent was
 * told, lies in a pause, or was being decided when a process ended. With `missed: 'all'` and a target on disk nothing is left out at all.
 */
import type { Durability } from '../../words/message.ts'
import type { TickSchedulePlan } from './tick-plan.ts'
import { gapsOf, type Span, type ToldTicks, ticksIn } from './tick-spans.ts'

/** A message of a tick, as its target has it. */
export interface SeenTick {
  readonly schedule: string
  readonly target: string
  readonly tickMs: number
  /** Where it is: one message has one place. */
  readonly partition: number
  readonly offset: number
}

/** What is known of a target. */
export interface TickTargetFacts {
  readonly durability: Durability
}

interface SeenPlace {
  readonly partition: number
  readonly offset: number
  readonly process: number
  isDone: boolean
}

interface Known {
  readonly plan: TickSchedulePlan
  readonly targets: readonly string[]
  /** Wall clock when it was to be made. */
  readonly sinceMs: number
  /** One of its ticks; null: none is known. */
  phaseMs: number | null
  state: 'making' | 'made' | 'removing' | 'removed'
  removedMs: number
  readonly told: ToldTicks[]
  readonly pauses: { fromMs: number; pausedMs: number; resumingMs: number; toMs: number }[]
  /** By target, then by tick. */
  readonly seen: Map<string, Map<number, SeenPlace>>
  /** Ends of processes since it was made. */
  ends: number
}

const NEVER: number = Number.POSITIVE_INFINITY
/** The wall clock has whole milliseconds. */
const ROUNDING_MS = 1
/** Age up to which the last tick is on time. */
const ON_TIME_MS = 60_000

export class TickJudge {
  readonly problems: string[] = []
  /** How many ticks came, were told, or were found by a later process than the one that decided them. */
  readonly counts = { sent: 0, missed: 0, overlap: 0, paused: 0, removed: 0, reopened: 0, exchange: 0 }
  readonly #targets: ReadonlyMap<string, TickTargetFacts>
  /** The wall clock is never set. */
  readonly #isSteady: boolean
  readonly #known = new Map<string, Known>()
  #process = 0

  constructor(targets: ReadonlyMap<string, TickTargetFacts>, isSteady: boolean) {
    this.#targets = targets
    this.#isSteady = isSteady
  }

  /** Another process begins, and finds schedules of these names; `isPowerLost`: what was not durable is gone. */
  begins(isPowerLost: boolean): void {
    this.#process++
    for (const known of this.#known.values()) {
      known.ends++
      for (const [target, seen] of known.seen) {
        const { durability } = this.#targets.get(target) as TickTargetFacts
        // What is lost with its process may come again, or not at all.
        if (durability === 'memory' || (durability === 'os' && isPowerLost))
          for (const tick of seen.keys()) this.#lose(seen, tick)
      }
    }
  }

  #lose(seen: Map<number, SeenPlace>, tick: number): void {
    const place = seen.get(tick) as SeenPlace
    seen.set(tick, { ...place, process: -1 })
  }

  /** What the folder has, before anything is made. */
  found(schedules: readonly { readonly name: string; readonly paused: boolean }[], wallMs: number): void {
    const names = new Set(schedules.map(({ name }) => name))
    for (const [name, known] of this.#known) {
      if (known.state === 'made' && !names.has(name)) this.#problem(`schedule ${name} is not there any more`)
      if (known.state === 'removed' && names.has(name))
        this.#problem(`schedule ${name} was removed, and is there again`)
      if (known.state === 'making' && names.has(name)) known.state = 'made'
      if (known.state === 'removing') this.#isRemoved(known, names.has(name), wallMs)
    }
    for (const { name, paused } of schedules) {
      const pause = this.#of(name).pauses.at(-1)
      if (pause === undefined || pause.toMs !== NEVER) {
        if (paused) this.#problem(`schedule ${name} is paused, which nobody asked for`)
      } else if (!paused) this.#endOfPause(name, pause, wallMs)
      else pause.pausedMs = Math.min(pause.pausedMs, wallMs)
    }
    this.counts.reopened += schedules.length
  }

  #isRemoved(known: Known, isThere: boolean, wallMs: number): void {
    known.state = isThere ? 'made' : 'removed'
    known.removedMs = isThere ? NEVER : Math.min(known.removedMs, wallMs)
  }

  #endOfPause(name: string, pause: Known['pauses'][number], wallMs: number): void {
    if (pause.pausedMs !== NEVER && pause.resumingMs === NEVER)
      this.#problem(`schedule ${name} was paused, and goes on`)
    pause.toMs = wallMs
  }

  // -- what is done ----------------------------------------------------------------------------------------------

  /** It is to be made. */
  making(plan: TickSchedulePlan, name: string, targets: readonly string[], wallMs: number): void {
    if (this.#known.has(name)) return
    this.#known.set(name, {
      plan,
      targets,
      sinceMs: wallMs,
      phaseMs: plan.cron === null ? null : 0,
      state: 'making',
      removedMs: NEVER,
      told: [],
      pauses: [],
      seen: new Map(targets.map(target => [target, new Map()])),
      ends: 0,
    })
  }

  /** It is there; `nextMs`: its next tick, null where it says none. */
  made(name: string, nextMs: number | null): void {
    const known = this.#of(name)
    if (known.state === 'making') known.state = 'made'
    if (nextMs === null) return
    if (known.phaseMs === null) known.phaseMs = nextMs
    else if (!this.#isTick(known, nextMs))
      this.#problem(`schedule ${name} has another rhythm: its next tick is ${nextMs}`)
  }

  pausing(name: string, wallMs: number): void {
    this.#of(name).pauses.push({ fromMs: wallMs, pausedMs: NEVER, resumingMs: NEVER, toMs: NEVER })
  }

  paused(name: string, wallMs: number): void {
    const pause = this.#of(name).pauses.at(-1)
    if (pause !== undefined) pause.pausedMs = wallMs
  }

  resuming(name: string, wallMs: number): void {
    const pause = this.#of(name).pauses.at(-1)
    if (pause !== undefined) pause.resumingMs = wallMs
  }

  resumed(name: string, wallMs: number): void {
    const pause = this.#of(name).pauses.at(-1)
    if (pause !== undefined) pause.toMs = wallMs
    this.counts.paused++
  }

  isRemoved(name: string): boolean {
    return this.#known.get(name)?.state === 'removed'
  }

  removing(name: string): void {
    this.#of(name).state = 'removing'
  }

  removed(name: string, wallMs: number): void {
    const known = this.#of(name)
    known.state = 'removed'
    known.removedMs = wallMs
    this.counts.removed++
  }

  // -- what comes of it ------------------------------------------------------------------------------------------

  /** Ticks were left out. */
  told(name: string, told: ToldTicks): void {
    const known = this.#known.get(name)
    if (known === undefined) return
    const { missed } = known.plan
    const { reason, count, firstMs, lastMs, wallMs } = told
    if (reason === 'refused' && !this.#mayBeUnbound(known))
      this.#problem(`tick ${firstMs} of ${name} was refused, and its target has room`)
    else if (reason !== 'refused') this.counts[reason] += count
    if (reason === 'missed' && missed === 'all' && !this.#isPausing(known, wallMs))
      this.#problem(`${count} ticks of ${name} were missed, which sends all`)
    if (reason === 'overlap' && known.plan.overlap === 'send')
      this.#problem(`a tick of ${name} was left out by an overlap`)
    if (!this.#isTick(known, firstMs) || !this.#isTick(known, lastMs))
      this.#problem(`${name} was told of ticks that it does not have: ${firstMs} to ${lastMs}`)
    known.told.push(told)
  }

  /** Bindings to what is in memory end with their process, and a schedule goes on when its exchange is open. */
  #mayBeUnbound({ plan, targets, ends }: Known): boolean {
    return (
      plan.target === 'exchange' && ends > 0 && targets.some(name => this.#targets.get(name)?.durability === 'memory')
    )
  }

  /** What is due behind a message that is on its way is missed when the schedule is paused. */
  #isPausing({ pauses }: Known, wallMs: number): boolean {
    return pauses.some(({ fromMs, pausedMs }) => !this.#isSteady || (wallMs >= fromMs && wallMs <= pausedMs))
  }

  /** A message came to a consumer for the first time, or again. */
  came({ schedule, target, tickMs, partition, offset }: SeenTick, wallMs: number): void {
    const known = this.#known.get(schedule)
    const seen = known?.seen.get(target)
    if (known === undefined || seen === undefined) {
      this.#problem(`${schedule} has sent to ${target}`)
      return
    }
    const before = seen.get(tickMs)
    if (before !== undefined && before.process !== -1) {
      if (before.partition !== partition || before.offset !== offset)
        this.#problem(`tick ${tickMs} of ${schedule} is in ${target} at ${before.offset} and at ${offset}`)
      return
    }
    if (known.plan.overlap === 'skip') this.#mustBeAlone(schedule, seen, tickMs)
    seen.set(tickMs, { partition, offset, process: this.#process, isDone: before?.isDone ?? false })
    this.counts.sent++
    if (known.plan.target === 'exchange') this.counts.exchange++
    const said = `tick ${tickMs} of ${schedule}, ${this.#saidOf(known)},`
    if (!this.#isTick(known, tickMs)) this.#problem(`${said} is none of its ticks`)
    if (!this.#isSteady) return
    if (tickMs > wallMs + ROUNDING_MS) this.#problem(`${said} came at ${wallMs}, before its time`)
    if (tickMs > known.removedMs + ROUNDING_MS) this.#problem(`${said} came, and it was removed at ${known.removedMs}`)
    for (const { pausedMs, resumingMs } of known.pauses)
      if (tickMs > pausedMs + ROUNDING_MS && tickMs < resumingMs - ROUNDING_MS)
        this.#problem(`${said} came, and it was paused from ${pausedMs} to ${resumingMs}`)
  }

  /** Its handler has ended. */
  done({ schedule, target, tickMs }: SeenTick): void {
    const place = this.#known.get(schedule)?.seen.get(target)?.get(tickMs)
    if (place !== undefined) place.isDone = true
  }

  #mustBeAlone(schedule: string, seen: ReadonlyMap<number, SeenPlace>, tickMs: number): void {
    for (const [other, { isDone, process }] of seen)
      if (!isDone && process !== -1 && other !== tickMs)
        this.#problem(`tick ${tickMs} of ${schedule} came while that of ${other} was not settled`)
  }

  /** Nothing is on its way any more. */
  ended(): void {
    for (const [name, known] of this.#known)
      for (const target of known.targets) {
        this.#judgeOrder(name, target, known)
        this.#judgeWhole(name, target, known)
      }
  }

  #judgeOrder(name: string, target: string, { seen }: Known): void {
    const ticks = [...(seen.get(target) ?? [])].filter(([, { process }]) => process !== -1).sort(([a], [b]) => a - b)
    for (const [index, [tick, place]] of ticks.entries()) {
      const before = ticks[index - 1]
      if (before !== undefined && before[1].partition === place.partition && before[1].offset > place.offset)
        this.#problem(`tick ${tick} of ${name} is in ${target} before that of ${before[0]}`)
    }
  }

  #judgeWhole(name: string, target: string, known: Known): void {
    const { plan, told, pauses, phaseMs, ends } = known
    if (phaseMs === null) return
    const rhythm = { everyMs: plan.everyMs, phaseMs }
    const sent = [...(known.seen.get(target) as ReadonlyMap<number, unknown>).keys()]
    for (const each of told) {
      const within = ticksIn(rhythm, each)
      if (each.count !== Math.min(within, 1_000))
        this.#problem(
          `${name} was told of ${each.count} ticks from ${each.firstMs} to ${each.lastMs}, and there are ${within}`,
        )
      const both = sent.find(tick => tick >= each.firstMs && tick <= each.lastMs)
      if (both !== undefined) this.#problem(`tick ${both} of ${name} was told as ${each.reason}, and is in ${target}`)
      this.#judgeMissed(name, known, each, sent)
    }
    const paused: Span[] = pauses.map(({ fromMs, toMs }) => ({ firstMs: fromMs, lastMs: toMs }))
    // What was sent and not handled by then is lost as well.
    if (ends > 0 && (this.#targets.get(target)?.durability === 'memory' || this.#hasLost(known, target))) return
    const gaps = gapsOf(rhythm, sent, told, this.#isSteady ? paused : [])
    const { durability } = this.#targets.get(target) as TickTargetFacts
    const isKept =
      plan.missed === 'all' && plan.overlap === 'send' && durability !== 'memory' && !this.#hasLost(known, target)
    // What is on its way when it is removed may not come.
    const isCut = known.state === 'removed'
    const most = (isKept ? 0 : ends) + (this.#isSteady ? 0 : pauses.length) + (isCut ? 1 : 0)
    if (gaps.length > most) {
      const said = gaps.slice(0, 3).map(({ firstMs, lastMs }) => `${firstMs} to ${lastMs}`)
      this.#problem(
        `${name}, ${this.#saidOf(known)}, has ${gaps.length} gaps in ${target}, and may have ${most}: ${said.join('; ')}`,
      )
    }
  }

  /** Of ticks that were missed, all but the last that was due were; the last one is on time for a minute. */
  #judgeMissed(name: string, { plan, told, pauses }: Known, each: ToldTicks, sent: readonly number[]): void {
    if (each.reason !== 'missed') return
    const nextMs = each.lastMs + plan.everyMs
    const isOld = plan.missed === 'skip' && (!this.#isSteady || each.wallMs - each.lastMs > ON_TIME_MS - ROUNDING_MS)
    const isNextMissed = told.some(({ reason, firstMs }) => reason === 'missed' && firstMs === nextMs)
    if (isNextMissed && !isOld && pauses.length === 0 && sent.length > 0)
      this.#problem(`${name} was told that ${each.lastMs} and ${nextMs} were missed, and sent neither`)
  }

  #hasLost({ seen }: Known, target: string): boolean {
    return [...(seen.get(target) ?? [])].some(([, { process }]) => process === -1)
  }

  #isTick({ plan, phaseMs }: Known, tickMs: number): boolean {
    return phaseMs === null || (tickMs - phaseMs) % plan.everyMs === 0
  }

  #saidOf({ plan: { everyMs, missed, overlap, cron }, sinceMs, ends }: Known): string {
    return `every ${everyMs} ms${cron === null ? '' : ' by a pattern'} since ${sinceMs} (${missed}, ${overlap}, ${ends} ends of processes)`
  }

  #of(name: string): Known {
    const known = this.#known.get(name)
    if (known === undefined) throw new Error(`broken invariant: nothing is known of schedule ${name}`)
    return known
  }

  #problem(what: string): void {
    this.problems.push(`S: ${what}`)
  }
}
