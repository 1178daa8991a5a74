/** Sets of offsets, and settled pages, against a set of numbers. */
import t from 'tap'
import { Chance } from '../proof/sim/chance.ts'
import { OffsetSet } from './offset-set.ts'
import { PAGE_BITS, PagePool } from './page-pool.ts'
import { SettledPages } from './settled-pages.ts'

const SEEDS = 12
const STEPS = 300

/** Offsets near each other and far apart, at the ends of words and pages. */
function offsetOf(chance: Chance): number {
  const page = chance.pick([0, 0, 1, 2, 3, 1_000, 2 ** 20, 2 ** 28])
  return page * PAGE_BITS + chance.pick([0, 1, 30, 31, 32, 1_023, 1_024, 2_000, 4_094, 4_095])
}

/** Ascending offsets as ranges. */
function rangesOf(offsets: readonly number[]): [number, number][] {
  const ranges: [number, number][] = []
  for (const offset of offsets) {
    const last = ranges.at(-1)
    if (last?.[1] === offset) last[1]++
    else ranges.push([offset, offset + 1])
  }
  return ranges
}

t.test('a set knows its members, the lowest ones, and how many are below another', async t => {
  const differences: string[] = []
  for (let seed = 1; seed <= SEEDS; seed++) {
    const chance = new Chance(seed)
    const pool = new PagePool()
    const set = new OffsetSet(pool)
    const model = new Set<number>()
    for (let step = 0; step < STEPS; step++) {
      const offset = offsetOf(chance)
      if (chance.happens(0.5)) {
        const to = chance.happens(0.03) ? offset + chance.pick([1, 40, 4_200, 9_000]) : offset + 1
        if (to === offset + 1) set.add(offset)
        else set.addRange(offset, to)
        for (let each = offset; each < to; each++) model.add(each)
      } else if (chance.happens(0.1)) {
        const to = offset + chance.pick([1, 2, 40, 4_200, 9_000])
        set.removeRange(offset, to)
        for (let each = offset; each < to; each++) model.delete(each)
      } else if (set.remove(offset) !== model.delete(offset)) differences.push(`${seed}.${step}: remove ${offset}`)
      if (chance.happens(0.2)) {
        const lowest = [...model].sort((a, b) => a - b).slice(0, chance.pick([1, 3, 40, 5_000]))
        const noted = new Float64Array(lowest.length + 2)
        const end = set.lowest(noted, 1, lowest.length + 1)
        if (end !== lowest.length + 1 || String([...noted.subarray(1, end)]) !== String(lowest))
          differences.push(`${seed}.${step}: lowest`)
        if (lowest.length > 0 && chance.happens(0.3)) {
          set.removeLowest((lowest.at(-1) as number) + 1, lowest.length)
          for (const each of lowest) model.delete(each)
        }
      }
      if (chance.happens(0.02)) {
        set.clear()
        model.clear()
      }
      const probe = offsetOf(chance)
      if (set.has(probe) !== model.has(probe)) differences.push(`${seed}.${step}: has ${probe}`)
      let first = Number.POSITIVE_INFINITY
      let below = 0
      for (const member of model) {
        first = Math.min(first, member)
        if (member < probe) below++
      }
      if (set.first() !== (model.size === 0 ? -1 : first)) differences.push(`${seed}.${step}: first`)
      if (set.rank(probe) !== below) differences.push(`${seed}.${step}: rank ${probe}`)
      if (set.size !== model.size) differences.push(`${seed}.${step}: size`)
      if (step % 20 !== 0) continue
      const members = [...model].sort((a, b) => a - b)
      const ranges = JSON.stringify(rangesOf(members))
      if (JSON.stringify(set.ranges()) !== ranges) differences.push(`${seed}.${step}: ranges`)
    }
    set.clear()
    if (pool.used !== 0) differences.push(`${seed}: ${pool.used} pages are lost`)
  }
  t.strictSame(differences, [])
})

t.test('settled pages know the floor, what is settled above it, and its ranges', async t => {
  const differences: string[] = []
  for (let seed = 1; seed <= SEEDS; seed++) {
    const chance = new Chance(seed)
    const start = chance.pick([0, 4_090, 2 ** 32 - 100])
    const length = chance.pick([60, 9_000, 20_000])
    const pool = new PagePool()
    const pages = new SettledPages(pool, start)
    const model = new Uint8Array(length)
    let floor = 0
    for (let step = 0; step < STEPS; step++) {
      const offset = chance.happens(0.3) ? floor : chance.below(length)
      const to = Math.min(length, offset + (chance.happens(0.5) ? 1 : chance.pick([40, 4_096, 6_000])))
      if (offset >= length) break
      if (to > offset + 1) pages.addRange(start + offset, start + to)
      else if (model[offset] === 0) pages.add(start + offset)
      model.fill(1, offset, to)
      while (floor < length && model[floor] === 1) floor++
      if (pages.floor !== start + floor) differences.push(`${seed}.${step}: floor ${pages.floor - start}, not ${floor}`)
      const probe = chance.below(length)
      if (pages.has(start + probe) !== (model[probe] === 1)) differences.push(`${seed}.${step}: has ${probe}`)
      const edge = PAGE_BITS * (1 + chance.below(2)) - 1 - (start % PAGE_BITS)
      for (const from of [probe, edge < length ? edge : 0]) {
        let next = from
        while (next < length && model[next] === 1) next++
        if (pages.next(start + from) !== start + next) differences.push(`${seed}.${step}: next ${from}`)
      }
      const end = probe + chance.below(length - probe + 1)
      let counted = 0
      for (let each = probe; each < end; each++) counted += model[each] as number
      if (pages.countIn(start + probe, start + end) !== counted)
        differences.push(`${seed}.${step}: from ${probe} to ${end}`)
      if (step % 20 !== 0) continue
      const offsets: number[] = []
      for (let each = floor; each < length; each++) if (model[each] === 1) offsets.push(start + each)
      if (JSON.stringify(pages.ranges()) !== JSON.stringify(rangesOf(offsets)))
        differences.push(`${seed}.${step}: ranges`)
    }
    pages.addRange(start, start + length)
    if (pool.used > 1) differences.push(`${seed}: ${pool.used} pages are lost`)
  }
  t.strictSame(differences, [])
})

t.test('pages of which all is settled cost a run, and not a bitmap each', async t => {
  const pool = new PagePool()
  const pages = new SettledPages(pool, 0)
  // One message is out, and a hundred pages behind it are settled.
  for (let offset = 1; offset < 100 * PAGE_BITS; offset++) pages.add(offset)
  t.equal(pool.used, 1, 'the page in which the message is')
  pages.add(0)
  t.equal(pages.floor, 100 * PAGE_BITS)
  t.equal(pool.used, 0)
})
