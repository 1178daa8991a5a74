import t from 'tap'
import type { ExitReason } from './exit-reason.ts'
import { step } from './supervisor.ts'
import {
  createSupervisor,
  type RestartType,
  type Strategy,
  type SupervisorEffect,
  type SupervisorInput,
  type SupervisorState,
} from './supervisor-state.ts'

const SEEDS = 2_000
/** `MILLRACE_PORTION=20:3` asks for one in twenty of them, from the third on. */
const [of = 1, from = 0] = (process.env.MILLRACE_PORTION ?? '').split(':').map(Number)
const STRATEGIES: readonly Strategy[] = ['oneForOne', 'oneForAll', 'restForOne']
const RESTARTS: readonly RestartType[] = ['permanent', 'transient', 'temporary']

/** mulberry32: the same choices for the same seed. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A world of threads that does what it is told, late and in any order. Throws when the supervisor asks for nonsense. */
function simulate(seed: number): void {
  const rng = seeded(seed)
  const pick = <T>(items: readonly T[]): T => items[Math.floor(rng() * items.length)] as T
  const reasonOf = (): ExitReason => pick([{ kind: 'normal' }, { kind: 'exit', code: 1 }, { kind: 'outOfMemory' }])
  let state: SupervisorState = createSupervisor({
    strategy: pick(STRATEGIES),
    intensity: pick([2, 1_000]),
    periodMs: 500,
  })
  let now = 0
  const alive = new Map<string, { incarnation: number; told: boolean }>()
  const orders = new Map<string, number>()
  const due: Extract<SupervisorInput, { kind: 'restartDue' | 'started' }>[] = []
  let isStopped = false

  const obey = (effect: SupervisorEffect): void => {
    if (isStopped) throw new Error(`${effect.kind} after allStopped`)
    switch (effect.kind) {
      case 'start':
        if (alive.has(effect.id)) throw new Error(`${effect.id} started twice`)
        alive.set(effect.id, { incarnation: effect.incarnation, told: false })
        due.push({ kind: 'started', id: effect.id, incarnation: effect.incarnation })
        break
      case 'startAfter':
        due.push({ kind: 'restartDue', id: effect.id, incarnation: effect.incarnation })
        break
      case 'stop': {
        const child = alive.get(effect.id)
        if (child?.incarnation !== effect.incarnation || child.told) throw new Error(`${effect.id} stopped in vain`)
        child.told = true
        break
      }
      case 'escalate':
        break
      case 'allStopped':
        if (alive.size > 0) throw new Error('allStopped while a child lives')
        isStopped = true
    }
  }
  const send = (input: SupervisorInput): void => {
    now += Math.floor(rng() * 100)
    const next = step(state, input, now, rng)
    state = JSON.parse(JSON.stringify(next.state)) as SupervisorState
    for (const effect of next.effects) obey(effect)
  }
  const exit = (id: string): void => {
    const child = alive.get(id)
    if (child === undefined) return
    alive.delete(id)
    send({ kind: 'exited', id, incarnation: child.incarnation, reason: reasonOf(), charged: rng() < 0.3 })
  }
  const deliver = (): void => {
    const [input] = due.splice(Math.floor(rng() * due.length), 1)
    if (input !== undefined) send(input)
  }

  const actions: readonly (() => void)[] = [
    () => {
      const id = pick(['a', 'b', 'c', 'd', 'e'])
      if (state.children.some(child => child.spec.id === id)) return
      orders.set(id, Math.floor(rng() * 4))
      send({ kind: 'childAdded', spec: { id, restart: pick(RESTARTS), order: orders.get(id) ?? 0 } })
    },
    () => {
      if (rng() < 0.2) send({ kind: 'childRemoved', id: pick(['a', 'b', 'c', 'd', 'e']) })
    },
    () => exit(pick([...alive.keys(), 'none'])),
    () => exit([...alive].find(([, child]) => child.told)?.[0] ?? 'none'),
    deliver,
    deliver,
  ]
  for (let i = 0; i < 60; i += 1) pick(actions)()

  const settle = (): void => {
    for (let turns = 0; ; turns += 1) {
      if (turns > 1_000) throw new Error('does not come to rest')
      const told = [...alive].find(([, child]) => child.told)
      if (told !== undefined) exit(told[0])
      else if (due.length > 0) deliver()
      else return
    }
  }
  settle()
  if (state.phase === 'running') {
    for (const child of state.children) {
      if (child.spec.restart === 'permanent' && !alive.has(child.spec.id))
        throw new Error(`${child.spec.id} was forgotten`)
      if (child.status === 'waiting' || child.status === 'condemned') throw new Error(`${child.spec.id} is stuck`)
    }
    if (state.children.filter(child => alive.has(child.spec.id)).length !== alive.size)
      throw new Error('an orphan lives')
    send({ kind: 'stopAll' })
    settle()
  }
  if (!isStopped) throw new Error('never stopped')
}

t.test(
  'never starts a child twice, forgets one, sticks, or stops early, whatever happens in whichever order',
  async t => {
    const step = Math.max(1, of)
    for (let seed = 1 + (from % step); seed <= SEEDS; seed += step) {
      try {
        simulate(seed)
      } catch (error) {
        t.fail(`seed ${seed}`, { error })
        return
      }
    }
    t.pass(`${SEEDS} seeds`)
  },
)
