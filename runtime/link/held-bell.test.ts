/** When a held bell rings: a thread that is told something is woken by the end of the pass, and not before. */
import { Arena, BELL_BYTES, Doorbell, Memory } from 'sharedarraybuffer-ring'
import t from 'tap'
import { HeldBell } from './held-bell.ts'

interface Sleeper {
  readonly held: HeldBell
  /** Whether its thread, which sleeps, has been woken since this was asked last. */
  isWoken(): boolean
}

function sleeper(): Sleeper {
  const memory = Memory.allocate(65_536)
  const bell = new Doorbell(memory, new Arena(memory, 128).allocate(BELL_BYTES))
  bell.arm()
  const isWoken = (): boolean => {
    const woken = bell.waitAsync(1) === null
    bell.arm()
    return woken
  }
  return { held: new HeldBell(bell), isWoken }
}

for (const told of ['answers', 'records'] as const) {
  t.test(`a thread that is told of ${told} is woken at once, unless its bell is held`, async t => {
    const { held, isWoken } = sleeper()
    held.ring(told)
    t.equal(isWoken(), true)
    held.hold()
    held.ring(told)
    t.equal(isWoken(), false)
    held.letGo()
    t.equal(isWoken(), true)
    held.ring(told)
    t.equal(isWoken(), true, 'it is held no more')
  })
}

t.test('a thread that was told of one thing is not woken for the other, and once only', async t => {
  const { held, isWoken } = sleeper()
  held.hold()
  held.ring('answers')
  held.ringFor('records')
  t.equal(isWoken(), false)
  held.ringFor('answers')
  t.equal(isWoken(), true)
  held.letGo()
  t.equal(isWoken(), false)
  held.hold()
  held.letGo()
  t.equal(isWoken(), false)
})
