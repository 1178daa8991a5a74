/**
 * Which death each life of a folder is to die, so that each named point gets its share of them.
 *
 * The parent. Lives go round PATTERN; of the points that can be passed then, the one that was tried least is next. Deaths
 * during recovery come one, two and three in a row: what the first leaves behind is what the second recovers.
 */
import type { Durability } from '../../words/message.ts'
import { type CrashPoint, type CrashTime, GROWN } from './crash-points.fixture.ts'

/** Of a folder; `any` is a random moment. Recovery never comes right after a look, which leaves nothing to recover. */
const PATTERN: readonly (CrashTime | 'any')[] = [
  'work',
  'any',
  'work',
  'opening',
  'any',
  'work',
  'work',
  'opening',
  'opening',
  'any',
  'work',
  'work',
  'opening',
  'opening',
  'opening',
  'work',
  'work',
  'work',
  'work',
  'work',
]

/** Of one life. */
export interface PlannedDeath {
  /** Undefined: at a random moment. */
  readonly point: CrashPoint | undefined
  /** The state log that is grown for it; empty: none. */
  readonly grown: string
}

/** Whether a life has died at its point, or elsewhere. */
export interface Died extends PlannedDeath {
  readonly isThere: boolean
}

/** What can be done to a folder, and what its next opening will do. */
export interface FolderWays {
  /** Makes a state log so long that its next write compacts it; false where there will be no such write. */
  grow(file: string): boolean
  /** Whether recovery will have something to bring from the journal into logs. */
  willReplay(): boolean
  /** Whether it will write marks. */
  willMark(): boolean
}

export class CrashSchedule {
  readonly #points: readonly CrashPoint[]
  readonly #tried = new Map<string, number>()
  readonly #met = new Map<string, number>()
  readonly #grown = new Map<string, number>()
  readonly #rows = new Map<number, number>()
  /** Deaths during recovery, one after the other, now. */
  #row = 0

  /** Of these points only. */
  constructor(points: readonly CrashPoint[]) {
    this.#points = points
  }

  /** The next death of a folder, `position` of which are behind it. */
  next(position: number, durability: Durability, ways: FolderWays): PlannedDeath {
    const time = PATTERN[position % PATTERN.length] as CrashTime | 'any'
    const points = this.#points.filter(
      point => point.time === time && (point.durability ?? durability) === durability && (position > 0 || !point.need),
    )
    for (const point of leastFirst(points, ({ name }) => this.#tried.get(name))) {
      if (point.need === 'replay' && !ways.willReplay()) continue
      if (point.need === 'marks' && !ways.willMark()) continue
      if (point.need !== 'grown') return { point, grown: '' }
      const grown = leastFirst(GROWN, file => this.#grown.get(file)).find(ways.grow)
      if (grown !== undefined) return { point, grown }
    }
    return { point: undefined, grown: '' }
  }

  /** Takes note of how a life of a folder has ended. */
  died({ point, grown, isThere }: Died): void {
    if (point !== undefined) {
      count(this.#tried, point.name)
      if (isThere) count(this.#met, point.name)
    }
    if (grown !== '') count(this.#grown, grown)
    const isOpening = point?.time === 'opening' && isThere
    this.#row = isOpening ? this.#row + 1 : 0
    if (isOpening) count(this.#rows, this.#row)
  }

  /** So many deaths, by point, in the order of points. */
  get met(): [name: string, deaths: number][] {
    return this.#points.map(({ name }) => [name, this.#met.get(name) ?? 0])
  }

  /** How often each state log was grown, to be compacted. */
  get grown(): [file: string, deaths: number][] {
    return [...this.#grown]
  }

  /** How often a death during recovery was the first, the second, the third in a row. */
  get rows(): [nth: number, deaths: number][] {
    return [...this.#rows].sort(([a], [b]) => a - b)
  }
}

/** What is as small as another comes before or after it by chance, so that short doses differ. */
function leastFirst<T>(all: readonly T[], counted: (one: T) => number | undefined): T[] {
  const drawn = all.map(one => ({ one, rank: (counted(one) ?? 0) + Math.random() }))
  return drawn.sort((a, b) => a.rank - b.rank).map(({ one }) => one)
}

function count<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
