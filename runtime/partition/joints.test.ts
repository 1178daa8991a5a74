/** What partitions of one host take together: all or none, in order, over refusals, holds, withdrawals and deaths of hosts. */
import t from 'tap'
import { Chance } from '../proof/sim/chance.ts'
import { FAULT_POINT } from '../wire/layout.ts'
import { JointHouse, ToyJoint } from './joint-house.fixture.ts'

const FAULTS = [
  FAULT_POINT.beforeCommit,
  FAULT_POINT.betweenWindowAndRing,
  FAULT_POINT.jointCommitted,
  FAULT_POINT.jointAnswered,
  FAULT_POINT.refusalTold,
] as const

class Died extends Error {}

function quiet(house: JointHouse): void {
  for (let pass = 0; pass < 50; pass++) {
    const worked = house.pass()
    for (const partition of house.places.keys()) house.take(partition)
    if (!worked && !house.pass()) return
  }
}

/** The leading partition has committed a joint, and the others have not; the next host follows. */
function dieBetweenCommits(house: JointHouse): void {
  dieAt(house, FAULT_POINT.jointCommitted)
  house.host()
}

/** Dies at this point, when it comes to it for the so many-th time. */
function dieAt(house: JointHouse, last: number, times = 1): void {
  let isDead = false
  let left = times
  house.fault = point => {
    if (point === last && --left === 0) throw new Died()
  }
  try {
    house.pass()
  } catch (error) {
    if (!(error instanceof Died)) throw error
    isDead = true
  }
  if (!isDead) throw new Error(`point ${last} was not reached`)
  house.fault = () => undefined
}

t.test('a joint is taken by all its partitions in one step, and those behind it with it', async t => {
  const house = new JointHouse([false, false, false])
  const joints = [0, 1, 2].map(value => new ToyJoint(value, [0, 1, 2]))
  for (const joint of joints) {
    house.publish(joint)
    house.seal()
  }
  t.ok(house.actor(2).drain(), 'whichever partition looks')
  t.strictSame(
    joints.map(({ answer, offsets }) => [answer, offsets]),
    [0, 1, 2].map(offset => ['taken', [offset, offset, offset]]),
  )
  quiet(house)
  t.strictSame(house.read, [
    [0, 1, 2],
    [0, 1, 2],
    [0, 1, 2],
  ])
})

t.test('one without room holds it for all, is the only one that is asked again, and lets it go', async t => {
  const house = new JointHouse([false, false])
  for (let value = 0; value < 30; value++) {
    house.send(1, value)
    house.actor(1).drain()
  }
  const joint = new ToyJoint(99, [0, 1])
  house.publish(joint, 1_500)
  house.seal()
  house.pass()
  t.equal(joint.answer, null)
  t.equal(house.actor(0).highWatermark, 0)
  t.notOk(house.actor(0).ready(), 'it would find nothing else')
  quiet(house)
  t.equal(joint.answer, 'taken')
  t.strictSame(house.read[0], [99])
  t.equal(house.read[1]?.at(-1), 99)
})

t.test(
  'what a dead host had committed in some has its place in the others before what came by other rings',
  async t => {
    for (const partitions of [2, 3]) {
      const house = new JointHouse(Array.from({ length: partitions }, () => false))
      // The lowest has room for one more such frame.
      for (let value = 0; value < 30; value++) {
        house.send(0, value)
        house.actor(0).drain()
      }
      const joint = new ToyJoint(99, [...house.places.keys()].reverse())
      house.publish(joint, 900)
      house.seal()
      house.sendByOther(0, 7, 900)
      dieBetweenCommits(house)
      for (let pass = 0; pass < 5; pass++) house.pass()
      t.equal(joint.answer, 'taken')
      t.notOk(house.actor(0).ready(), 'no pass is wasted on what has no room')
      quiet(house)
      t.strictSame(house.read[0]?.slice(30), [99, 7])
    }
  },
)

t.test('room that is made in a full partition is for the joint that waits first of all', async t => {
  const house = new JointHouse([false, false])
  for (let value = 0; value < 4; value++) house.sendByOther(0, value, 900)
  house.host()
  house.pass()
  const joint = new ToyJoint(99, [0, 1])
  house.publish(joint, 900)
  house.seal()
  house.pass()
  for (let value = 4; value < 8; value++) house.sendByOther(0, value, 900)
  house.pass()
  t.equal(joint.answer, null)
  house.take(0)
  house.pass()
  t.equal(joint.answer, 'taken')
})

t.test('what two of four have committed the others get, though the leading one is deleted before', async t => {
  const house = new JointHouse([false, false, false, false])
  const joint = new ToyJoint(99, [0, 1, 2, 3])
  house.publish(joint)
  house.seal()
  dieAt(house, FAULT_POINT.jointCommitted, 2)
  house.host()
  house.remove(0)
  t.ok(house.sendByOther(2, 7))
  house.room = 1
  house.pass()
  house.room = 1_000
  quiet(house)
  t.strictSame(house.read.slice(1), [[99], [99, 7], [99]])
  t.strictSame(
    [1, 2, 3].map(partition => house.unreleased(partition)),
    [0, 0, 0],
  )
})

t.test('what was refused before the host died is refused by the next one, though there is room by then', async t => {
  const house = new JointHouse([false, true])
  for (let value = 0; value < 4; value++) house.sendByOther(1, value, 900)
  house.pass()
  const joint = new ToyJoint(99, [0, 1])
  house.publish(joint, 900)
  house.seal()
  dieAt(house, FAULT_POINT.refusalTold)
  house.take(1)
  house.host()
  quiet(house)
  t.equal(joint.answer, 'refused')
  t.strictSame(house.read, [[], [0, 1, 2, 3]])
  t.strictSame([house.unreleased(0), house.unreleased(1)], [0, 0])
})

t.test('while one has no room for such a joint, those that lack it too take nothing, and ask for nothing', async t => {
  const house = new JointHouse([false, false, false])
  const joint = new ToyJoint(99, [2, 1, 0])
  house.publish(joint, 1_500)
  house.seal()
  dieBetweenCommits(house)
  house.actor(1).window.free = () => 0
  house.sendByOther(0, 7)
  house.pass()
  t.equal(house.actor(0).highWatermark, 0)
  t.notOk(house.actor(0).ready(), 'it waits for the other')
  house.host()
  quiet(house)
  t.equal(joint.answer, 'taken')
  t.strictSame(house.read[0], [99, 7])
})

t.test('what became free in the frames of a joint is given back with them', async t => {
  const house = new JointHouse([false, false, false])
  for (let value = 0; value < 30; value++) {
    house.send(1, value)
    house.actor(1).drain()
  }
  const [kept, last] = [new ToyJoint(98, [0, 1, 2]), new ToyJoint(99, [0, 1, 2])]
  house.publish(kept, 900)
  house.publish(last, 900)
  house.seal()
  house.pass()
  t.ok(last.withdraw())
  quiet(house)
  t.strictSame([kept.answer, last.answer], ['taken', 'withdrawn'])
  for (const partition of [0, 1, 2]) t.equal(house.unreleased(partition), 0, `ring of t${partition}`)
})

t.test('what was not published whole is refused when its thread has ended', async t => {
  for (const published of [0, 1, 2]) {
    const house = new JointHouse([false, false, false])
    const before = new ToyJoint(1, [0, 1, 2])
    house.publish(before)
    house.seal()
    house.publish(new ToyJoint(2, [0, 1, 2]))
    house.sealHalf(published)
    quiet(house)
    house.orphan()
    quiet(house)
    t.strictSame(house.read, [[1], [1], [1]], `${published} of three rings`)
    t.strictSame(house.drained.toSorted(), [10, 11, 12], 'nothing is left')
  }
})

t.test('a partition that goes takes the joints along that wait for it', async t => {
  for (const gone of [0, 1, 2]) {
    const house = new JointHouse([false, false, false])
    const joint = new ToyJoint(1, [0, 1, 2])
    house.publish(joint)
    house.seal()
    house.remove(gone)
    quiet(house)
    t.strictSame(house.read, [[], [], []], `partition ${gone}`)
    for (const partition of [0, 1, 2]) house.send(partition, 7)
    quiet(house)
    for (const partition of [0, 1, 2])
      t.strictSame(house.read[partition], partition === gone ? [] : [7], 'nothing stands in the way of what comes next')
  }
})

/** A life of hosts, by chance. Returns what is wrong. */
function play(seed: number): readonly string[] {
  const chance = new Chance(seed)
  const partitions = chance.between(2, 4)
  const house = new JointHouse(Array.from({ length: partitions }, () => chance.happens(0.3)))
  const joints: ToyJoint[] = []
  const sent: number[][] = house.places.map(() => [])
  const byOther: number[][] = house.places.map(() => [])
  let value = 0
  let left = 0
  house.fault = point => {
    if (FAULTS.includes(point as (typeof FAULTS)[number]) && left > 0 && --left === 0) throw new Died()
  }
  const pass = (): void => {
    try {
      house.pass()
    } catch (error) {
      if (!(error instanceof Died)) throw error
      house.host()
    }
  }
  for (let step = 0; step < 120; step++) {
    const what = chance.below(12)
    if (what < 4) {
      const targets = [...house.places.keys()].filter(() => chance.happens(0.7))
      const joint = new ToyJoint(value, targets)
      if (targets.length > 1 && house.publish(joint, chance.pick([0, 0, 300, 900]))) {
        joints.push(joint)
        // A window has room for a frame of so many.
        if (joints.length % 3 === 0) house.seal()
        for (const target of targets) sent[target]?.push(value)
        value++
      }
    } else if (what === 4) {
      const target = chance.below(partitions)
      if (chance.happens(0.5) && house.send(target, value)) {
        sent[target]?.push(value)
        value++
      } else if (chance.happens(0.5) && house.sendByOther(target, value, chance.pick([0, 900]))) {
        byOther[target]?.push(value)
        value++
      }
    } else if (what === 5) house.seal()
    else if (what < 8) house.take(chance.below(partitions))
    else if (what === 8) chance.pick([...joints, null])?.withdraw()
    else if (what === 9) left = chance.between(1, 6)
    else {
      house.room = chance.pick([1, partitions, 1_000])
      pass()
    }
  }
  house.seal()
  house.room = 1_000
  left = 0
  quiet(house)
  const problems: string[] = []
  for (const { value: one, targets, answer } of joints) {
    const having = targets.filter(target => house.read[target]?.includes(one))
    const expected = answer === 'taken' ? targets.length : 0
    if (having.length !== expected || answer === null)
      problems.push(`${one} is ${answer} and in [${having}] of [${targets}]`)
  }
  for (const [target, values] of house.read.entries()) {
    for (const all of [sent[target], byOther[target]]) {
      const order = all?.filter(one => values.includes(one)).join()
      const found = values.filter(one => all?.includes(one)).join()
      if (order !== found) problems.push(`t${target} has [${found}], not [${order}]`)
    }
    const isRefused = house.places[target]?.topic.onFull === 'reject'
    if (!isRefused && !byOther[target]?.every(one => values.includes(one))) problems.push(`t${target} lost some`)
    if (new Set(values).size < values.length) problems.push(`t${target} has one twice`)
  }
  return problems
}

t.test('plays by chance: a joint is in all its partitions once, or in none, and messages keep their order', async t => {
  const problems: string[] = []
  for (let seed = 1; seed <= 400; seed++) for (const problem of play(seed)) problems.push(`seed ${seed}: ${problem}`)
  t.strictSame(problems.slice(0, 5), [])
})
