/** How a thread waits, on one thread: the order of its steps, what it learns, and what it keeps alive. */
import { spawnSync } from 'node:child_process'
import t from 'tap'
import { Doorbell } from './doorbell.ts'
import { BELL_BYTES, BELL_SLEEPS } from './layout.ts'
import { Memory } from './memory.ts'
import { Sleeper } from './sleeper.ts'

function sleeperAt(options: ConstructorParameters<typeof Sleeper>[1]): {
  readonly memory: Memory
  readonly sleeper: Sleeper
  readonly ringer: Doorbell
} {
  const memory = Memory.allocate(BELL_BYTES)
  return { memory, sleeper: new Sleeper(new Doorbell(memory, 0), options), ringer: new Doorbell(memory, 0) }
}

t.test('does not arm when there is work', async t => {
  const { memory, sleeper } = sleeperAt({})
  const armed: number[] = []
  t.ok(
    sleeper.sleep(() => {
      armed.push(memory.load(BELL_SLEEPS))
      return true
    }),
  )
  t.same(armed, [0])
})

t.test('looks again after it has armed, and then does not wait', async t => {
  for (const blocking of [true, false]) {
    const { memory, sleeper } = sleeperAt({ timeoutMs: 60_000 })
    // Work that comes between the last look and the arming: its producer saw no sleeper, and rang nobody.
    const ready = (): boolean => memory.load(BELL_SLEEPS) === 1
    const before = performance.now()
    const waits = new Promise(resolve => setImmediate(resolve, 'waits'))
    const found = blocking ? sleeper.sleep(ready) : await Promise.race([sleeper.sleepAsync(ready), waits])
    t.ok(performance.now() - before < 30_000)
    t.equal(found, true)
    t.equal(memory.load(BELL_SLEEPS), 0, 'it is awake')
  }
})

t.test('is rung awake, and says what it sees then', async t => {
  const { sleeper, ringer } = sleeperAt({ spinsMax: 0, timeoutMs: 10_000, keepsAlive: true })
  let work = false
  const slept = sleeper.sleepAsync(() => work)
  work = true
  ringer.ring()
  t.ok(await slept)
  sleeper.close()
})

t.test('a wait is bounded, and says that there is nothing', async t => {
  const { memory, sleeper } = sleeperAt({ timeoutMs: 5, keepsAlive: true })
  t.notOk(sleeper.sleep(() => false))
  t.notOk(await sleeper.sleepAsync(() => false))
  t.equal(memory.load(BELL_SLEEPS), 0)
  sleeper.close()
})

t.test('spins longer where that paid, and less where it did not', async t => {
  const { sleeper } = sleeperAt({ spinsMax: 100, timeoutMs: 1 })
  const first = sleeper.spins
  t.ok(first > 0)
  let looks = 0
  sleeper.sleep(() => ++looks === 3)
  const second = sleeper.spins
  t.ok(second > first)
  sleeper.sleep(() => true)
  t.equal(sleeper.spins, second, 'what is there at once says nothing about spinning')
  for (let round = 0; round < 10; round++) {
    looks = 0
    sleeper.sleep(() => ++looks === 2)
  }
  t.equal(sleeper.spins, 100, 'up to its bound')
  for (let round = 0; round < 10; round++) sleeper.sleep(() => false)
  t.equal(sleeper.spins, 0)
  sleeper.sleep(() => false)
  t.equal(sleeper.spins, 0)
  const parkedAtOnce = sleeperAt({ spinsMax: 0 }).sleeper
  parkedAtOnce.sleep(() => true)
  t.equal(parkedAtOnce.spins, 0)
})

t.test('keeps the process alive while it waits, if asked to, and not longer', async t => {
  // One that is not to be kept alive ends long before its wait does, also where everything takes long.
  const program = (keepsAlive: boolean): string => `
    const { Doorbell, Memory, Sleeper } = await import(${JSON.stringify(new URL('./index.js', import.meta.url))})
    const sleeper = new Sleeper(new Doorbell(Memory.allocate(128), 0), { timeoutMs: ${keepsAlive ? 50 : 5_000}, keepsAlive: ${keepsAlive} })
    sleeper.sleepAsync(() => false).then(() => console.log('woke'))`
  const run = (keepsAlive: boolean): string =>
    spawnSync(process.execPath, ['--input-type=module', '-e', program(keepsAlive)], {
      timeout: 60_000,
    }).stdout.toString()
  t.equal(run(true), 'woke\n')
  t.equal(run(false), '')
})
