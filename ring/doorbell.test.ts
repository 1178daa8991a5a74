/** The bell on one thread; spsc-ring.stress.test.ts sleeps and wakes on two. */
import t from 'tap'
import { Doorbell } from './doorbell.ts'
import { BELL_BYTES, BELL_NAP, BELL_SLEEPS } from './layout.ts'
import { Memory } from './memory.ts'

const ADDRESS = BELL_BYTES

function bells(): { readonly memory: Memory; readonly owner: Doorbell; readonly ringer: Doorbell } {
  const memory = Memory.allocate(4 * BELL_BYTES)
  return { memory, owner: new Doorbell(memory, ADDRESS), ringer: new Doorbell(new Memory(memory.buffer), ADDRESS) }
}

t.test('wakes a sleeper', async t => {
  const { memory, owner, ringer } = bells()
  owner.arm()
  const rung = owner.waitAsync(10_000)
  t.not(rung, null)
  ringer.ring()
  t.equal(await rung, 'ok')
  t.equal(memory.load(ADDRESS + BELL_SLEEPS), 0, 'the ringer disarms it: a second ring costs one load')
})

t.test('one that was rung since it armed does not sleep', async t => {
  const { owner, ringer } = bells()
  owner.arm()
  ringer.ring()
  t.equal(owner.waitAsync(10_000), null)
  const before = performance.now()
  // Returns at once, so that it may be called here on the main thread.
  owner.wait(60_000)
  t.ok(performance.now() - before < 30_000)
})

t.test('wakes a sleeper whose ringer died in the middle', async t => {
  const { memory, owner, ringer } = bells()
  owner.arm()
  const rung = owner.waitAsync(10_000)
  memory.store(ADDRESS + BELL_SLEEPS, 0)
  ringer.wake()
  t.equal(await rung, 'ok')
})

t.test('ringing one that is awake changes nothing', async t => {
  const { memory, owner, ringer } = bells()
  ringer.ring()
  t.equal(memory.load(ADDRESS + BELL_SLEEPS), 0)
  owner.arm()
  owner.disarm()
  ringer.ring()
  t.equal(owner.waitAsync(10_000), null)
})

t.test('a sleep is bounded', async t => {
  const { owner } = bells()
  const held = setTimeout(() => {}, 10_000)
  owner.arm()
  const before = performance.now()
  await owner.waitAsync(20)
  t.ok(performance.now() - before >= 20)
  t.equal(owner.waitAsync(5) === null, false, 'nobody rang')
  clearTimeout(held)
})

t.test('a nap leaves the bell as it is', async t => {
  const { memory, owner, ringer } = bells()
  owner.arm()
  owner.nap(1)
  t.equal(memory.load(ADDRESS + BELL_SLEEPS), 1)
  ringer.ring()
  owner.nap(1)
  t.equal(owner.waitAsync(10_000), null, 'what rang is not forgotten')
})

t.test('a nap with something to do is over at once, and leaves its word as it was', async t => {
  const { memory, owner, ringer } = bells()
  const before = performance.now()
  owner.nap(60_000, () => memory.load(ADDRESS + BELL_NAP) === 1)
  t.ok(performance.now() - before < 30_000)
  t.equal(memory.load(ADDRESS + BELL_NAP), 0)
  ringer.rouse()
  t.equal(memory.load(ADDRESS + BELL_NAP), 0, 'who is awake is not roused')
})

t.test('who is roused while asleep wakes as if rung', async t => {
  const { owner, ringer } = bells()
  owner.arm()
  const rung = owner.waitAsync(10_000)
  ringer.rouse()
  t.equal(await rung, 'ok')
})

t.test('the end of a nap is no ring: who sleeps sleeps on', async t => {
  const { memory, owner, ringer } = bells()
  owner.arm()
  ringer.endNap()
  t.equal(memory.load(ADDRESS + BELL_SLEEPS), 1)
  owner.nap(60_000, () => {
    ringer.endNap()
    return false
  })
  t.equal(memory.load(ADDRESS + BELL_NAP), 0, 'a nap that was ended as it began')
})

t.test('touches its own line only', async t => {
  const { memory, owner, ringer } = bells()
  memory.u8.fill(0xee)
  owner.arm()
  ringer.ring()
  for (const around of [memory.u8.subarray(0, ADDRESS), memory.u8.subarray(ADDRESS + 4)])
    t.ok(around.every(byte => byte === 0xee))
})
