/** Finds a point by its name, among those of topics and those of queues. Leaf, any thread. */
import { type CrashPoint, POINTS } from './crash-points.fixture.ts'
import { QUEUE_CRASH_POINTS } from './queue-crash-points.fixture.ts'

const ALL = [...POINTS, ...QUEUE_CRASH_POINTS]

/** The point of that name. */
export function pointOf(name: string): CrashPoint {
  const point = ALL.find(each => each.name === name)
  if (point === undefined)
    throw new RangeError(`there is no point ${name}; one of ${ALL.map(each => each.name).join(', ')}`)
  return point
}

/** The points of these names, which commas separate; without a name all of `points`. */
export function pointsOf(names: string, points: readonly CrashPoint[]): readonly CrashPoint[] {
  return names === '' ? points : names.split(',').map(pointOf)
}
