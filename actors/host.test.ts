import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { describe, type ExitReason } from './exit-reason.ts'
import type { DeathsData } from './fixtures/deaths.fixture.ts'
import { HostPool, type HostPoolOptions } from './host.ts'

const DEATHS = new URL('./fixtures/deaths.fixture.js', import.meta.url)

function deathsPool(options: Partial<HostPoolOptions> = {}): HostPool {
  return new HostPool({ name: 'deaths', behaviour: DEATHS, execArgv: [], ...options })
}

function newCounter(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(8))
}

function deaths(how: DeathsData['how'], counter: Int32Array = newCounter()): DeathsData {
  return { how, counter }
}

async function staysStill(counter: Int32Array): Promise<boolean> {
  const before = Atomics.load(counter, 0)
  await sleep(20)
  return Atomics.load(counter, 0) === before
}

const ends: readonly (readonly [DeathsData['how'], (reason: ExitReason) => boolean])[] = [
  ['return', reason => reason.kind === 'normal'],
  [
    'throw',
    reason => reason.kind === 'error' && reason.error.code === 'TEST_CODE' && reason.error.cause?.name === 'RangeError',
  ],
  [
    'throwLater',
    reason => reason.kind === 'error' && reason.error.code === 'TEST_CODE' && reason.error.cause?.name === 'RangeError',
  ],
  [
    'reject',
    reason => reason.kind === 'error' && reason.error.code === 'TEST_CODE' && reason.error.cause?.name === 'RangeError',
  ],
  ['exit0', reason => reason.kind === 'exit' && reason.code === 0],
  ['exit3', reason => reason.kind === 'exit' && reason.code === 3],
  ['outOfMemory', reason => reason.kind === 'outOfMemory'],
]

t.test('says how a thread ended, after it has stopped, and starts again each time', async t => {
  const pool = deathsPool({ resourceLimits: { maxOldGenerationSizeMb: 24 } })
  let incarnation = 0
  for (const [how, isExpected] of ends) {
    const counter = newCounter()
    const host = pool.start(deaths(how, counter))
    incarnation += 1
    t.equal(host.incarnation, incarnation, `${how}: next incarnation`)
    const reason = await host.exited
    t.ok(isExpected(reason), `${how}: ${describe(reason)}`)
    t.equal(await host.started, true, `${how}: had started`)
    t.ok(Atomics.load(counter, 0) > 0, `${how}: ran`)
    t.ok(await staysStill(counter), `${how}: writes no more`)
  }
  await pool.close()
})

t.test('kills a thread that does not listen', async t => {
  const pool = deathsPool()
  for (const how of ['spin', 'park'] as const) {
    const counter = newCounter()
    const host = pool.start(deaths(how, counter))
    t.equal(await host.started, true)
    host.kill('watchdog')
    host.kill('once more')
    t.same(await host.exited, { kind: 'killed', why: 'watchdog' }, how)
    t.ok(await staysStill(counter), `${how}: writes no more`)
  }
  const host = pool.start(deaths('spin'))
  host.kill('before it started')
  t.same(await host.exited, { kind: 'killed', why: 'before it started' })
  t.equal(await host.started, false, 'started is false when it never was')
  await pool.close()
})

t.test('reports as data what could not be loaded', async t => {
  for (const [file, pattern] of [
    ['./fixtures/throws-at-load.fixture.js', /broken at load/],
    ['./fixtures/no-behave.fixture.js', /does not export a function "behave"/],
    ['./fixtures/absent.fixture.js', /absent/],
  ] as const) {
    const pool = new HostPool({ name: file, behaviour: new URL(file, import.meta.url), execArgv: [] })
    for (const attempt of [1, 2]) {
      const host = pool.start(null)
      const reason = await host.exited
      t.equal(reason.kind, 'loadFailed', `${file}, attempt ${attempt}`)
      t.match(describe(reason), pattern)
      t.equal(await host.started, false)
    }
    await pool.close()
  }
  const exits = new HostPool({
    name: 'exits',
    behaviour: new URL('./fixtures/exits-at-load.fixture.js', import.meta.url),
    execArgv: [],
  })
  t.same(await exits.start(null).exited, { kind: 'exit', code: 7 }, 'process.exit while loading is an exit')
  const pool = deathsPool()
  const reason = await pool.start({ how: () => {} }).exited
  t.equal(reason.kind, 'loadFailed', 'data that cannot be cloned')
  t.equal((await pool.start(deaths('return')).exited).kind, 'normal', 'and the next start works')
})

t.test('prints the last lines of a behaviour that returns, and lets the process end', async t => {
  // execArgv is [] because tap's loader in the thread would trip over the process's own --input-type.
  const program = `
    import { HostPool } from ${JSON.stringify(new URL('./host.js', import.meta.url).href)}
    const pool = new HostPool({ name: 'printer', behaviour: ${JSON.stringify(DEATHS.href)}, execArgv: [] })
    const counter = new Int32Array(new SharedArrayBuffer(8))
    console.log((await pool.start({ how: 'print', counter }).exited).kind)`
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
  t.same(run.stdout.trim().split('\n'), ['last words 1', 'last words 2', 'last words 3', 'normal'])
  t.equal(run.status, 0)
})

t.test('lets the behaviour choose how its errors become data', async t => {
  const reason = await deathsPool().start(deaths('ownWire')).exited
  t.same(reason, { kind: 'error', error: { name: 'Own', message: 'mapped' } })
})

t.test('abandons a thread that cannot be stopped, and reports its late exit', async t => {
  let lateExit: (incarnation: number) => void = () => {}
  const late = new Promise<number>(resolve => {
    lateExit = resolve
  })
  const pool = deathsPool({ zombieAfterMs: 150, onLateExit: incarnation => lateExit(incarnation) })
  const counter = newCounter()
  const host = pool.start(deaths('deaf', counter))
  while (Atomics.load(counter, 1) === 0) await sleep(5)
  // From there it is a moment until the call, which takes half a second or more.
  await sleep(100)
  host.kill('watchdog')
  t.same(await host.exited, { kind: 'zombie', after: { kind: 'killed', why: 'watchdog' } })
  const next = pool.start(deaths('return'))
  t.equal(next.incarnation, 2, 'a fresh thread while the zombie lives')
  t.equal((await next.exited).kind, 'normal')
  const held = setInterval(() => {}, 1_000)
  t.equal(await late, 1, 'the late exit names the incarnation')
  clearInterval(held)
})

t.test('refuses a second thread beside a living one, and any after close', async t => {
  const pool = deathsPool()
  const host = pool.start(deaths('spin'))
  t.throws(() => pool.start(deaths('spin')), TypeError)
  t.equal(pool.live, host)
  await pool.close('the end')
  t.same(await host.exited, { kind: 'killed', why: 'the end' })
  t.equal(pool.live, undefined)
  t.throws(() => pool.start(deaths('spin')), TypeError)
  await pool.close()
})

t.test('works on a worker thread', async t => {
  const pool = new HostPool({
    name: 'outer',
    behaviour: new URL('./fixtures/nested.fixture.js', import.meta.url),
    execArgv: [],
  })
  const host = pool.start(newCounter())
  const said: unknown[] = []
  host.port.on('message', message => said.push(message))
  const closed = once(host.port, 'close')
  t.equal((await host.exited).kind, 'normal')
  await closed
  t.same(said, [
    'returned',
    'threw Error [TEST_CODE]: on purpose',
    'called process.exit(3)',
    'was ended: its host was closed',
  ])
})

function countThreads(): number {
  return process.platform === 'linux' ? readdirSync('/proc/self/task').length : 0
}

interface Left {
  readonly threads: number
  readonly resources: number
  readonly events: number
}

function left(): Left {
  return {
    threads: countThreads(),
    resources: process.getActiveResourcesInfo().length,
    events: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
  }
}

// Twice each way: what one of them leaves is left by the second as well.
t.test('leaves no thread, handle or listener behind after 10 incarnations', async t => {
  const pool = deathsPool()
  const hows = ['return', 'throw', 'exit3', 'reject', 'spin'] as const
  const live = async (how: DeathsData['how']): Promise<void> => {
    const host = pool.start(deaths(how))
    await host.started
    if (how === 'spin') host.kill()
    await host.exited
  }
  for (const how of hows) await live(how)
  // What has ended takes a moment to be gone, longer on a machine that is busy.
  let before = left()
  for (let still = 0; still < 5; still++) {
    await sleep(10)
    const now = left()
    if (now.threads !== before.threads || now.resources !== before.resources || now.events !== before.events) still = -1
    before = now
  }
  for (let round = 0; round < 10; round += 1) await live(hows[round % hows.length] ?? 'return')
  for (let tries = 0; tries < 200 && JSON.stringify(left()) !== JSON.stringify(before); tries++) await sleep(10)
  t.same(left(), before)
})
