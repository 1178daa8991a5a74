/** Entries by their time, against an array that is sorted each time; at the ends of digits, words and integers; and what they cost. */
import t from 'tap'
import { Chance } from '../proof/sim/chance.ts'
import { TimeWheel } from './time-wheel.ts'

interface Entry {
  readonly number: number
  readonly ms: number
}

/** What a wheel is, slowly. */
class Model {
  entries: Entry[] = []

  add(number: number, ms: number): void {
    this.entries.push({ number, ms: Math.ceil(ms) })
  }

  take(nowMs: number, most: number): number[] {
    const due = this.entries.filter(({ ms }) => ms <= nowMs).sort((a, b) => a.ms - b.ms || a.number - b.number)
    const taken = new Set(due.slice(0, most))
    this.entries = this.entries.filter(entry => !taken.has(entry))
    return [...taken].map(({ number }) => number)
  }

  get dueMs(): number {
    return this.entries.reduce((first, { ms }) => Math.min(first, ms), Number.POSITIVE_INFINITY)
  }
}

const AHEAD = [
  0,
  1,
  2,
  200,
  255,
  256,
  257,
  65_535,
  65_536,
  2 ** 24,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  100 * 365 * 86_400_000,
]

function play(seed: number, problems: string[]): void {
  const chance = new Chance(seed)
  const wheel = new TimeWheel()
  const model = new Model()
  let now = chance.pick([0, 250, 2 ** 16 - 3, 2 ** 31 - 200, 2 ** 32 - 3, 2 ** 40, 2 ** 50])
  wheel.take(now, new Float64Array(1))
  let number = 0
  for (let step = 0; step < 400 && problems.length === 0; step++) {
    if (chance.happens(0.6)) {
      const ms = now + 1 + chance.pick(AHEAD) + chance.below(chance.pick([1, 3, 300, 70_000]))
      const count = chance.pick([1, 1, 3, 40])
      for (let each = 0; each < count; each++) {
        const exact = ms - chance.pick([0, 0.5])
        wheel.add(number, exact)
        model.add(number++, exact)
      }
    } else {
      const next = model.dueMs
      const ahead = chance.below(chance.pick([2, 300, 100_000]))
      now = next < Number.POSITIVE_INFINITY && chance.happens(0.6) ? Math.max(now, next - chance.below(2)) : now + ahead
      const room = new Float64Array(chance.pick([1, 7, 1_000]))
      const found = wheel.take(now, room)
      const expected = model.take(now, room.length)
      if (room.subarray(0, found).join() !== expected.join())
        problems.push(`seed ${seed}: at ${now} ${room.subarray(0, found)} instead of ${expected}`)
    }
    if (wheel.size !== model.entries.length) problems.push(`seed ${seed}: ${wheel.size} of ${model.entries.length}`)
    if (wheel.dueMs > model.dueMs) problems.push(`seed ${seed}: due at ${wheel.dueMs}, and should be at ${model.dueMs}`)
  }
  // Going from one due time to the next finds all, in few steps more than there are.
  let [idle, left] = [0, model.entries.length]
  const one = new Float64Array(1)
  while (left > 0 && idle < 10_000) {
    now = Math.max(now, wheel.dueMs)
    if (wheel.take(now, one) === 0) idle++
    else {
      left--
      if (model.take(now, 1)[0] !== one[0]) problems.push(`seed ${seed}: ${one[0]} at ${now}`)
    }
  }
  if (idle > 6 * number || wheel.dueMs !== Number.POSITIVE_INFINITY)
    problems.push(`seed ${seed}: ${idle} times nothing, ${left} left`)
}

t.test('what is due comes out in the order of time, then of coming, and is never told late', async t => {
  const problems: string[] = []
  for (let seed = 1; seed <= 100 && problems.length === 0; seed++) play(seed, problems)
  t.strictSame(problems, [])
})

// Source: https://github.com/rabbitmq/rabbitmq-delayed-message-exchange/issues/71
// Source: https://github.com/rabbitmq/rabbitmq-delayed-message-exchange/issues/23
t.test('each time is met exactly, however far away', async t => {
  for (const from of [0, 1, 2 ** 31 - 1, 2 ** 32 - 1, 2 ** 45 + 12_345])
    for (const ahead of [...AHEAD, 2 ** 33 + 7, 2 ** 40, 2 ** 48, 2 ** 52]) {
      const wheel = new TimeWheel()
      const room = new Float64Array(2)
      wheel.take(from, room)
      wheel.add(7, from + ahead)
      let steps = 0
      for (; wheel.dueMs < from + ahead && steps < 10; steps++) t.equal(wheel.take(wheel.dueMs, room), 0)
      t.ok(steps < 8)
      t.equal(wheel.dueMs, from + ahead)
      if (ahead > 0) t.equal(wheel.take(from + ahead - 1, room), 0)
      t.equal(wheel.take(from + ahead, room), 1)
    }
})

t.test('what is due already comes behind all that is due, also while entries are on their way', async t => {
  const wheel = new TimeWheel()
  const room = new Float64Array(100_000)
  for (let number = 0; number < 40_000; number++) wheel.add(number, 100_000 + (number % 7))
  t.equal(wheel.take(100_003, room), 0, 'a bounded number moves in one call')
  t.ok(wheel.dueMs <= 100_003)
  wheel.add(40_000, 5)
  wheel.add(40_001, 100_003)
  const found: number[] = []
  for (let calls = 0; wheel.dueMs <= 100_003 && calls < 100; calls++)
    found.push(...room.subarray(0, wheel.take(100_003, room)))
  const at = (rest: number): number[] =>
    Array.from({ length: 40_000 }, (_, number) => number).filter(n => n % 7 === rest)
  t.strictSame(
    found.filter(number => number < 40_000),
    [0, 1, 2, 3].flatMap(at),
  )
  t.equal(found.at(-1), 40_001)
  t.equal(wheel.dueMs, 100_004)
})

t.test('a sweep drops what is not needed, keeps the order of the rest, and gives its pages back', async t => {
  for (let seed = 1; seed <= 40; seed++) {
    const chance = new Chance(seed)
    const wheel = new TimeWheel()
    const times = new Map<number, number>()
    const room = new Float64Array(500)
    let number = 0
    let now = 0
    const more = (count: number): void => {
      for (let each = 0; each < count; each++) {
        const ms = now + 1 + chance.below(chance.pick([1, 500, 100_000]))
        times.set(number, ms)
        wheel.add(number++, ms)
      }
    }
    more(20_000)
    const share = chance.pick([0, 0.01, 0.3])
    for (const each of [...times.keys()]) if (!chance.happens(share)) times.delete(each)
    for (let calls = 0; calls < 400; calls++) {
      wheel.tend(times.size, each => times.has(each))
      if (chance.happens(0.2)) more(10)
      if (!chance.happens(0.2)) continue
      now += chance.pick([0, 1_000])
      for (const each of room.subarray(0, wheel.take(now, room))) times.delete(each)
    }
    if (wheel.size > 2 * times.size + 4_096) t.fail(`seed ${seed}: ${wheel.size} entries for ${times.size}`)
    const before = wheel.bytes
    more(5_000)
    if (wheel.bytes > before) t.fail(`seed ${seed}: pages were not used again`)
    const rest = [...times].sort(([a, ms], [b, other]) => ms - other || a - b).map(([each]) => each)
    const found: number[] = []
    for (let calls = 0; wheel.size > 0 && calls < 1_000; calls++)
      found.push(...room.subarray(0, wheel.take(2 ** 30, room)).filter(each => times.has(each)))
    if (found.join() === rest.join()) continue
    t.fail(`seed ${seed}: another order, or other entries`)
    break
  }
})

t.test('a million entries cost 16 bytes each, and what is kept of them stands in order', async t => {
  const wheel = new TimeWheel()
  const count = 1_000_000
  for (let number = 0; number < count; number++) wheel.add(number, 5_000 + ((number * 7919) % 86_400_000))
  t.ok(wheel.bytes < 18 * count, `${wheel.bytes / count}`)
  wheel.clear()
  t.equal(wheel.size, 0)
  t.equal(wheel.dueMs, Number.POSITIVE_INFINITY)
  wheel.add(1, 1)
  t.equal(wheel.take(2, new Float64Array(1)), 1)
})
