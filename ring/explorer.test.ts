/** The explorer finds what it is there to find: races, lost wake-ups and deaths, planted in small algorithms. */
import t from 'tap'
import { Doorbell } from './doorbell.ts'
import { type Exploration, explore, type Outcome, type Role, wander } from './fixtures/explorer.ts'
import { type RingPlan, ringScene } from './fixtures/ring-roles.ts'

const BYTES = 512
/** Words on lines of their own. */
const [FIRST, SECOND, THIRD] = [0, 128, 256]

/** One side of Dekker's entry: says that it wants in, looks whether the other does, and if not is in. */
function dekker(side: 0 | 1, how: 'well' | 'with plain words' | 'in the wrong order'): Role {
  const [mine, other] = side === 0 ? [FIRST, SECOND] : [SECOND, FIRST]
  return {
    name: `side ${side}`,
    run: ({ memory, tell }) => {
      if (how === 'with plain words') {
        memory.i32[mine >> 2] = 1
        if (memory.i32[other >> 2] === 0) tell(1)
      } else if (how === 'in the wrong order') {
        const wants = memory.load(other)
        memory.store(mine, 1)
        if (wants === 0) tell(1)
      } else {
        memory.store(mine, 1)
        if (memory.load(other) === 0) {
          memory.i32[THIRD >> 2] = side
          tell(1)
        }
      }
    },
  }
}

function oneIsIn({ told }: Outcome): string | null {
  return told.every(({ length }) => length === 1) ? 'both are in' : null
}

function dekkers(how: Parameters<typeof dekker>[1], everyAccess = false): Exploration {
  return explore({ bytes: BYTES, roles: [dekker(0, how), dekker(1, how)], judge: oneIsIn, everyAccess })
}

t.test('finds nothing in Dekker’s algorithm', async t => {
  for (const everyAccess of [false, true]) {
    const { fault, outcomes, states } = dekkers('well', everyAccess)
    t.equal(fault, null)
    t.strictSame(outcomes, [' | ', ' | 1', '1 | '], 'one, the other, or none')
    t.comment(`${states} states`)
  }
})

t.test('finds the race when Dekker’s words are plain', async t => {
  t.match(dekkers('with plain words').fault, /side 1, address 128: a plain write races with a plain read by thread 0/)
})

t.test('finds that both are in when Dekker looks before it says', async t => {
  const { fault, trace } = dekkers('in the wrong order')
  t.equal(fault, 'both are in')
  t.strictSame(trace, ['side 0 load at 128', 'side 1 load at 0', 'side 0 stores 1 at 0', 'side 1 stores 1 at 128'])
})

/** Publishes and rings, or the other way round. */
function ringer(order: 'publishes first' | 'rings first', dies = false): Role {
  return {
    name: 'ringer',
    mayDie: dies,
    run: ({ memory }) => {
      const bell = new Doorbell(memory, FIRST)
      if (order === 'rings first') bell.ring()
      memory.store(SECOND, 1)
      if (order === 'publishes first') bell.ring()
    },
  }
}

/** Sleeps until there is work, having looked once more after arming its bell, or not. */
function sleeper(looksAgain: boolean, awaits = false): Role {
  return {
    name: 'sleeper',
    run: ({ memory, settled }) => {
      const bell = new Doorbell(memory, FIRST)
      while (memory.load(SECOND) === 0) {
        bell.arm()
        if (!looksAgain || memory.load(SECOND) === 0) {
          if (awaits) {
            const rung = bell.waitAsync(1)
            if (rung !== null) settled(rung)
          } else bell.wait(1)
        }
        bell.disarm()
      }
    },
  }
}

t.test('finds nothing in the doorbell, and the lost wake-up where it is used wrongly', async t => {
  for (const awaits of [false, true]) {
    const sound = explore({ bytes: BYTES, roles: [ringer('publishes first'), sleeper(true, awaits)] })
    t.equal(sound.fault, null)
    t.comment(`${sound.states} states`)
    const wrong = [
      [ringer('publishes first'), sleeper(false, awaits)],
      [ringer('rings first'), sleeper(true, awaits)],
    ]
    for (const roles of wrong) t.equal(explore({ bytes: BYTES, roles }).fault, 'sleeper is never woken')
  }
})

t.test('finds that a ringer can die within its ring, and that only waking helps then', async t => {
  const after = (how: 'ring' | 'wake'): Role => ({
    name: 'supervisor',
    succeeds: 0,
    run: ({ memory }) => {
      memory.store(SECOND, 1)
      new Doorbell(memory, FIRST)[how]()
    },
  })
  const scene = (how: 'ring' | 'wake') => [ringer('publishes first', true), sleeper(true), after(how)]
  t.equal(explore({ bytes: BYTES, roles: scene('wake') }).fault, null)
  const { fault, trace } = explore({ bytes: BYTES, roles: scene('ring') })
  t.equal(fault, 'sleeper is never woken')
  t.same(trace.slice(trace.indexOf('ringer dies') - 1)[0], 'ringer stores 0 at 0')
})

t.test('an atomic store orders what was written before it for who reads it, and for nobody else', async t => {
  const writer: Role = {
    name: 'writer',
    run: ({ memory }) => {
      memory.f64[THIRD >> 3] = 0.1
      memory.store(FIRST, 1)
    },
  }
  const reader = (waitsFor: (value: number) => boolean): Role => ({
    name: 'reader',
    run: ({ memory, until, tell }) => {
      until(() => waitsFor(memory.load(FIRST)))
      tell(memory.f64[THIRD >> 3] as number)
    },
  })
  const overwriter: Role = { name: 'overwriter', run: ({ memory }) => memory.store(FIRST, 2) }
  const bytes = BYTES
  t.strictSame(explore({ bytes, roles: [writer, reader(value => value === 1)] }).outcomes, [' | 0.1'])
  t.match(
    explore({ bytes, roles: [writer, reader(() => true)] }).fault,
    /reader, .*plain read races with a plain write/,
  )
  t.match(
    explore({ bytes, roles: [writer, reader(value => value !== 0), overwriter] }).fault,
    /plain read races with a plain write by thread 0|plain write races with a plain read by thread 1/,
  )
})

t.test('what is touched atomically by one and plainly by another at the same time is a race', async t => {
  const atomic: Role = { name: 'atomic', run: ({ memory }) => memory.store(FIRST, 1) }
  const reads: Role = { name: 'plain', run: ({ memory, tell }) => tell(memory.i32[FIRST >> 2] as number) }
  const writes: Role = { name: 'plain', run: ({ memory }) => void memory.u8.set([1, 2], FIRST + 2) }
  for (const plain of [reads, writes])
    t.match(explore({ bytes: BYTES, roles: [atomic, plain] }).fault, /an atomic write races with a plain/)
})

t.test('a successor is ordered after the dead, who died anywhere', async t => {
  const dies: Role = {
    name: 'dies',
    mayDie: true,
    run: ({ memory }) =>
      memory.u8.set(
        Uint8Array.from({ length: 12 }, () => 7),
        THIRD,
      ),
  }
  const next: Role = {
    name: 'next',
    succeeds: 0,
    run: ({ memory, tell }) => tell(memory.u8.subarray(THIRD, THIRD + 12).filter(byte => byte === 7).length),
  }
  const { fault, outcomes } = explore({ bytes: BYTES, roles: [dies, next] })
  t.equal(fault, null)
  t.strictSame(outcomes, [' | ', ' | 0', ' | 4', ' | 8'], 'lived, or wrote none, one or two words of three')
})

t.test('who waits for what does not come, an address that is not a word, and one outside are faults', async t => {
  const waits: Role = { name: 'a', run: ({ memory, until }) => until(() => memory.load(FIRST) === 1) }
  const odd: Role = { name: 'a', run: ({ memory }) => void memory.load(FIRST + 2) }
  const outside: Role = { name: 'a', run: ({ memory }) => void memory.u8.fill(1, BYTES - 1, BYTES + 1) }
  t.match(explore({ bytes: BYTES, roles: [waits] }).fault, /waits for a change that never comes/)
  t.match(explore({ bytes: BYTES, roles: [odd] }).fault, /an atomic access at 2, which is no multiple of 4/)
  t.match(explore({ bytes: BYTES, roles: [outside] }).fault, /touches word 128, which is not in this memory/)
})

t.test('wandering by chance takes no order that exploring does not, finds what is planted, and deaths', async t => {
  let state = 1
  const chance = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return (state >>> 8) / 2 ** 24
  }
  for (const [how, fault] of [
    ['well', null],
    ['with plain words', /races with/],
    ['in the wrong order', 'both are in'],
  ] as const) {
    const scene = { bytes: BYTES, roles: [dekker(0, how), dekker(1, how)], judge: oneIsIn }
    const found = wander(scene, 2_000, chance)
    if (fault instanceof RegExp) t.match(found.fault, fault)
    else t.equal(found.fault, fault)
    if (fault === null) t.strictSame(found.outcomes, explore(scene).outcomes)
  }
  const plan: RingPlan = { capacity: 64, start: 0, batches: [[24]], waits: 'looking' }
  for (const dies of ['producer', 'consumer', 'both'] as const) {
    const all = explore(ringScene(plan, dies)).outcomes
    const { fault, steps, outcomes } = wander(ringScene(plan, dies), 4_000, chance)
    t.equal(fault, null)
    t.ok(steps >= 4_000)
    t.ok(outcomes.length > 1, `${dies} dies: ${outcomes.length} of ${all.length} outcomes`)
    t.strictSame(
      outcomes.filter(outcome => !all.includes(outcome)),
      [],
    )
  }
})
