/** What befell the schedules of a seed: main.ts counts in how many seeds each occurs. Pure. */
import type { TickJudge } from './tick-judge.ts'
import type { TickPlan } from './tick-plan.ts'

export const TICK_SIGHTS = [
  'schedule',
  'tick',
  'tickMissed',
  'tickOverlap',
  'tickOnDisk',
  'tickByPattern',
  'tickByExchange',
  'schedulePause',
  'scheduleRemoval',
  'scheduleReopened',
] as const
export type TickSight = (typeof TICK_SIGHTS)[number]

export function tickSights({ counts }: TickJudge, { durability, schedules }: TickPlan): TickSight[] {
  const seen: TickSight[] = ['schedule']
  const { sent, missed, overlap, paused, removed, reopened, exchange } = counts
  if (sent > 0) seen.push('tick')
  if (missed > 0) seen.push('tickMissed')
  if (overlap > 0) seen.push('tickOverlap')
  if (sent > 0 && durability !== 'memory') seen.push('tickOnDisk')
  if (sent > 0 && schedules.some(({ cron }) => cron !== null)) seen.push('tickByPattern')
  if (exchange > 0) seen.push('tickByExchange')
  if (paused > 0) seen.push('schedulePause')
  if (removed > 0) seen.push('scheduleRemoval')
  if (reopened > 0) seen.push('scheduleReopened')
  return seen
}
