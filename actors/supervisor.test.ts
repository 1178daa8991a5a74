import t from 'tap'
import { backoffMs } from './backoff.ts'
import type { ExitReason } from './exit-reason.ts'
import { step } from './supervisor.ts'
import {
  type ChildSpec,
  createSupervisor,
  type RestartType,
  type Strategy,
  type SupervisorDefaults,
  type SupervisorEffect,
  type SupervisorInput,
  type SupervisorState,
} from './supervisor-state.ts'

const STRATEGIES: readonly Strategy[] = ['oneForOne', 'oneForAll', 'restForOne']
const RESTARTS: readonly RestartType[] = ['permanent', 'transient', 'temporary']
const NORMAL: ExitReason = { kind: 'normal' }
const CRASH: ExitReason = { kind: 'error', error: { name: 'Error', message: 'boom' } }
const STOPPED: ExitReason = { kind: 'killed', why: 'stopped' }

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) for (const part of Object.values(value)) deepFreeze(part)
  return Object.freeze(value)
}

/** Drives `step`, keeping what it emitted; every state goes through a clone and is frozen. */
class World {
  state: SupervisorState
  now = 1_000_000
  rng: () => number = () => 0
  readonly effects: SupervisorEffect[] = []
  readonly incarnations = new Map<string, number>()

  constructor(options: SupervisorDefaults, specs: readonly ChildSpec[] = []) {
    this.state = createSupervisor(options)
    for (const spec of specs) this.send({ kind: 'childAdded', spec })
    for (const { id } of specs) this.started(id)
    this.effects.length = 0
  }

  send(input: SupervisorInput): readonly SupervisorEffect[] {
    const { state, effects } = step(deepFreeze(this.state), deepFreeze(input), this.now, this.rng)
    this.state = structuredClone(state)
    this.effects.push(...effects)
    for (const effect of effects) if (effect.kind === 'start') this.incarnations.set(effect.id, effect.incarnation)
    return effects
  }

  started(id: string): readonly SupervisorEffect[] {
    return this.send({ kind: 'started', id, incarnation: this.incarnations.get(id) ?? 0 })
  }

  exited(id: string, reason: ExitReason = CRASH, charged = false): readonly SupervisorEffect[] {
    return this.send({ kind: 'exited', id, incarnation: this.incarnations.get(id) ?? 0, reason, charged })
  }

  /** Does what the effects ask for until nothing is left to do. */
  settle(from: readonly SupervisorEffect[]): void {
    const todo = [...from]
    for (let effect = todo.shift(); effect !== undefined; effect = todo.shift()) {
      if (effect.kind === 'start') todo.push(...this.started(effect.id))
      else if (effect.kind === 'stop') todo.push(...this.exited(effect.id, STOPPED))
      else if (effect.kind === 'startAfter') {
        this.now += effect.delayMs
        todo.push(...this.send({ kind: 'restartDue', id: effect.id, incarnation: effect.incarnation }))
      }
    }
  }

  trace(): readonly string[] {
    return this.effects.map(effect => ('id' in effect ? `${effect.kind} ${effect.id}` : effect.kind))
  }
}

function spec(id: string, order: number, restart: RestartType = 'permanent'): ChildSpec {
  return { id, order, restart }
}

/** What must be done when `ids[at]` exits: written from the contract, not from the code. */
function oracle(
  strategy: Strategy,
  restart: RestartType,
  isNormalExit: boolean,
  at: number,
  siblings: RestartType,
  ids: readonly string[],
): readonly string[] {
  if (restart === 'temporary' || (restart === 'transient' && isNormalExit)) return []
  const others: readonly string[] =
    strategy === 'oneForOne' ? [] : strategy === 'oneForAll' ? ids.filter((_, i) => i !== at) : ids.slice(at + 1)
  const started = ids.filter((id, i) => i === at || (others.includes(id) && siblings !== 'temporary'))
  return [...others.toReversed().map(id => `stop ${id}`), ...started.map(id => `start ${id}`)]
}

t.test('follows the contract for every strategy, restart type, exit and position', async t => {
  const ids = ['a', 'b', 'c', 'd']
  const exits: readonly (readonly [string, ExitReason, boolean])[] = [
    ['normal', NORMAL, false],
    ['crash', CRASH, false],
    ['crash charged', CRASH, true],
    ['exit 0', { kind: 'exit', code: 0 }, false],
    ['killed', STOPPED, false],
    ['out of memory', { kind: 'outOfMemory' }, true],
    ['load failed', { kind: 'loadFailed', error: { name: 'Error', message: 'x' } }, false],
    ['zombie', { kind: 'zombie', after: { kind: 'killed', why: 'x' } }, false],
  ]
  let cases = 0
  for (const strategy of STRATEGIES) {
    for (const restart of RESTARTS) {
      for (const siblings of RESTARTS) {
        for (const [name, reason, charged] of exits) {
          for (const [at, id] of ids.entries()) {
            // Added in reverse, so that `order` decides and not the order of adding.
            const specs = ids.map((other, i) => spec(other, i, i === at ? restart : siblings)).reverse()
            const world = new World({ strategy }, specs)
            world.settle(world.exited(id, reason, charged))
            const expected = oracle(strategy, restart, reason.kind === 'normal', at, siblings, ids)
            t.same(world.trace(), expected, `${strategy} ${restart} ${name} at ${at}, siblings ${siblings}`)
            cases += 1
          }
        }
      }
    }
  }
  t.equal(cases, 3 * 3 * 3 * 8 * 4)
})

t.test('escalates at intensity + 1 and not before, then stops all in order', async t => {
  for (const strategy of STRATEGIES) {
    for (const intensity of [0, 1, 2, 5]) {
      const world = new World({ strategy, intensity, periodMs: 1_000, backoff: { maxMs: 0 } }, [
        spec('a', 0),
        spec('b', 1),
        spec('c', 2),
      ])
      for (let restart = 1; restart <= intensity; restart += 1) {
        world.now += 1
        world.settle(world.exited('a'))
        t.notOk(world.trace().includes('escalate'), `${strategy} ${intensity}: restart ${restart} happens`)
      }
      world.effects.length = 0
      const last = world.exited('a')
      t.same(last[0], {
        kind: 'escalate',
        reason: { id: 'a', reason: CRASH, restarts: intensity + 1, periodMs: 1_000 },
      })
      world.settle(last)
      t.same(world.trace(), ['escalate', 'stop c', 'stop b', 'allStopped'], `${strategy} ${intensity}`)
      t.equal(world.state.phase, 'stopped')
    }
  }
})

t.test('counts only restarts within the period', async t => {
  const world = new World({ intensity: 2, periodMs: 1_000, backoff: { quietMs: 0 } }, [spec('a', 0)])
  for (let i = 0; i < 50; i += 1) {
    world.now += 501
    world.settle(world.exited('a'))
  }
  t.notOk(world.trace().includes('escalate'))
  t.ok(world.state.restarts.length <= 3, 'the history is bounded')
  world.now += 498
  world.settle(world.exited('a'))
  t.ok(world.trace().includes('escalate'), 'three restarts within one period')
})

t.test('counts no charged exit, and restarts after it at once', async t => {
  const world = new World({ intensity: 1 }, [spec('a', 0)])
  for (let i = 0; i < 100; i += 1) world.settle(world.exited('a', CRASH, true))
  t.same(new Set(world.trace()), new Set(['start a']))
  t.same(world.state.restarts, [])
  world.effects.length = 0
  world.settle(world.exited('a'))
  t.same(world.trace(), ['start a'], 'the first uncharged one has no delay either')
  t.match(world.exited('a'), [{ kind: 'escalate' }])
})

t.test('waits longer for each restart in a row, up to the cap, and not after a quiet period', async t => {
  const world = new World({ intensity: 100, backoff: { quietMs: 3_000, jitter: 0 } }, [spec('a', 0)])
  const delays: number[] = []
  const fail = (): void => {
    const effects = world.exited('a')
    const [effect] = effects
    delays.push(effect?.kind === 'startAfter' ? effect.delayMs : 0)
    world.settle(effects)
  }
  for (let i = 0; i < 11; i += 1) fail()
  t.same(delays, [0, 50, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000], 'a delay is not a quiet period')
  world.now += 2_999
  fail()
  t.equal(delays.at(-1), 5_000)
  world.now += 3_000
  fail()
  t.equal(delays.at(-1), 0)
})

t.test('takes at most the jitter off a delay, never adds to it', async t => {
  const options = { firstMs: 50, maxMs: 5_000, jitter: 0.2, quietMs: 1 }
  for (const failures of [2, 5, 9, 2_000]) {
    const full = backoffMs({ ...options, jitter: 0 }, failures, () => 0)
    t.equal(
      backoffMs(options, failures, () => 0),
      full,
    )
    t.equal(
      backoffMs(options, failures, () => 0.5),
      Math.round(full * 0.9),
    )
    t.ok(backoffMs(options, failures, () => 0.999_999) >= full * 0.8 - 1)
  }
})

t.test('stops in reverse order, one place after the other, peers together', async t => {
  const world = new World({}, [spec('a', 0), spec('b1', 1), spec('b2', 1), spec('c', 2)])
  world.send({ kind: 'stopAll' })
  t.same(world.trace(), ['stop c'])
  world.send({ kind: 'stopAll' })
  t.same(world.trace(), ['stop c'], 'asking again changes nothing')
  world.exited('a')
  t.same(world.trace(), ['stop c'], 'one that dies early is not restarted')
  world.exited('c', STOPPED)
  t.same(world.trace(), ['stop c', 'stop b1', 'stop b2'])
  world.exited('b2', STOPPED)
  t.equal(world.effects.length, 3)
  world.exited('b1', NORMAL)
  t.same(world.trace().slice(3), ['allStopped'])
  world.send({ kind: 'childAdded', spec: spec('late', 0) })
  t.equal(world.effects.length, 4, 'nothing starts afterwards')
})

t.test('has stopped at once when nothing lives, and forgets pending restarts', async t => {
  const empty = new World({})
  t.same(empty.send({ kind: 'stopAll' }), [{ kind: 'allStopped' }])
  for (const strategy of STRATEGIES) {
    const world = new World({ strategy }, [spec('a', 0)])
    world.settle(world.exited('a'))
    const [due] = world.exited('a')
    t.match(due, { kind: 'startAfter', id: 'a', incarnation: 3 })
    t.same(world.send({ kind: 'stopAll' }), [{ kind: 'allStopped' }])
    t.same(world.send({ kind: 'restartDue', id: 'a', incarnation: 3 }), [])
  }
})

t.test('hears nothing from incarnations of the past', async t => {
  const world = new World({}, [spec('a', 0)])
  world.settle(world.exited('a'))
  const { state } = world
  for (const kind of ['exited', 'started', 'restartDue'] as const) {
    t.same(world.send({ kind, id: 'a', incarnation: 1, reason: CRASH, charged: false }), [])
    t.same(world.send({ kind, id: 'unknown', incarnation: 1, reason: CRASH, charged: false }), [])
  }
  t.same(world.state, state)
  t.match(world.exited('a'), [{ kind: 'startAfter', incarnation: 3 }])
  t.same(world.send({ kind: 'restartDue', id: 'a', incarnation: 2 }), [], 'nor from a timer of the past')
})

t.test('leaves peers and earlier children alone in a restForOne', async t => {
  const world = new World({ strategy: 'restForOne' }, [spec('a', 0), spec('b1', 1), spec('b2', 1), spec('c', 2)])
  world.settle(world.exited('b1'))
  t.same(world.trace(), ['stop c', 'start b1', 'start c'])
})

t.test('waits for the stops of a group before an overtaken timer may start it', async t => {
  const world = new World({ strategy: 'oneForAll' }, [spec('a', 0), spec('b', 1)])
  world.settle(world.exited('a'))
  world.exited('a')
  t.match(world.exited('b', STOPPED), [{ kind: 'startAfter', id: 'a', incarnation: 3 }])
  for (const id of ['d', 'e']) world.send({ kind: 'childAdded', spec: spec(id, 2) })
  t.match(world.exited('d'), [{ kind: 'stop', id: 'e' }])
  world.send({ kind: 'childRemoved', id: 'd' })
  t.same(world.send({ kind: 'restartDue', id: 'a', incarnation: 3 }), [], 'e has not stopped')
  t.match(world.exited('e', STOPPED), [{ kind: 'startAfter', id: 'a', incarnation: 3 }])
  t.match(world.send({ kind: 'restartDue', id: 'a', incarnation: 3 }), [{ id: 'a' }, { id: 'b' }, { id: 'e' }])
})

t.test('widens a group restart when a child outside of it fails, and ignores the overtaken timer', async t => {
  const world = new World({ strategy: 'restForOne' }, [spec('a', 0), spec('b', 1), spec('c', 2)])
  world.settle(world.exited('b'))
  world.effects.length = 0
  world.exited('b')
  const [due] = world.exited('c', STOPPED)
  t.match(due, { kind: 'startAfter', id: 'b', incarnation: 3, delayMs: 50 })
  const [widened] = world.exited('a')
  t.match(widened, { kind: 'startAfter', id: 'a', incarnation: 2, delayMs: 50 })
  t.same(world.send({ kind: 'restartDue', id: 'b', incarnation: 3 }), [])
  world.effects.length = 0
  world.send({ kind: 'restartDue', id: 'a', incarnation: 2 })
  t.same(world.trace(), ['start a', 'start b', 'start c'])
})

t.test('keeps a group restart going when the child that caused it is removed', async t => {
  const world = new World({ strategy: 'oneForAll' }, [spec('a', 0), spec('b', 1), spec('c', 2)])
  world.settle(world.exited('b'))
  world.effects.length = 0
  world.exited('b')
  world.exited('c', STOPPED)
  world.exited('a', STOPPED)
  world.settle(world.send({ kind: 'childRemoved', id: 'b' }))
  t.same(world.trace(), ['stop c', 'stop a', 'startAfter b', 'startAfter a', 'start a', 'start c'])
})

t.test('stops and forgets a removed child, and refuses a second one of the same id', async t => {
  const world = new World({}, [spec('a', 0)])
  t.throws(() => world.send({ kind: 'childAdded', spec: spec('a', 0) }), TypeError)
  t.match(world.send({ kind: 'childRemoved', id: 'a' }), [{ kind: 'stop', id: 'a', incarnation: 1 }])
  t.same(world.exited('a', CRASH), [])
  t.same(world.state.children, [])
  t.same(world.send({ kind: 'childRemoved', id: 'a' }), [])
})
