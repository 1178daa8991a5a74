import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { HostPool } from './host.ts'
import { BOOT_FILE, SpareThreads } from './host-thread.ts'

const DEATHS = new URL('./fixtures/deaths.fixture.js', import.meta.url)
const MADE = { behaviour: DEATHS, execArgv: [] }

/** What a thread is given to load in when it is to end. */
const SECOND_MS = 1_000

function counter(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(8))
}

t.test('a host starts on the thread that is kept ready, once', async t => {
  const spare = new SpareThreads(MADE)
  const pool = new HostPool({ ...MADE, name: 'deaths', spare })
  spare.keep(60_000)
  spare.keep(60_000)
  const kept = spare.take()
  t.ok(kept, 'one is ready')
  t.equal(spare.take(), undefined, 'and no more than one')
  await kept?.pool.destroy()

  spare.keep(60_000)
  const first = pool.start({ how: 'exit3', counter: counter() })
  t.equal(spare.take(), undefined, 'the host took it')
  t.same(await first.exited, { kind: 'exit', code: 3 })
  const second = pool.start({ how: 'throw', counter: counter() })
  t.not(await second.threadId, await first.threadId, 'without a spare one a thread is started')
  t.equal((await second.exited).kind, 'error')
  await pool.close()
  await spare.close()
})

t.test('several threads are kept where several are asked for, and only those that are missing are started', async t => {
  const spare = new SpareThreads(MADE)
  spare.keep(60_000, 2)
  const first = spare.take()
  spare.keep(60_000, 2)
  const [second, third] = [spare.take(), spare.take()]
  t.equal(new Set([first, second, third]).size, 3)
  t.not(third, undefined)
  t.equal(spare.take(), undefined)
  await Promise.all([first, second, third].map(thread => thread?.pool.destroy()))
  spare.keep(60_000, 2)
  await spare.close()
  t.equal(spare.isReady, false)
})

t.test('the thread kept is given up after its time, when it dies, and at close', async t => {
  const spare = new SpareThreads(MADE)
  spare.keep(30)
  while (spare.isReady) await sleep(5)
  t.equal(spare.take(), undefined, 'its time is over')
  spare.keep(60_000)
  const kept = spare.take()
  await kept?.pool.destroy()
  spare.keep(60_000)
  await spare.close()
  t.equal(spare.take(), undefined)
  spare.keep(60_000)
  t.equal(spare.take(), undefined, 'none is kept afterwards')
  const dies = new SpareThreads({
    behaviour: new URL('./fixtures/exits-at-load.fixture.js', import.meta.url),
    execArgv: [],
  })
  dies.keep(60_000)
  t.ok(dies.isReady)
  while (dies.isReady) await sleep(5)
  t.equal(dies.take(), undefined, 'what dies by itself is not given out')
  await dies.close()
})

t.test('a thread may be ended while it loads the file of its pool, and the process lives', async t => {
  // Node aborts the process when that is a `require` of an ES module: the same, again and again, and ended anywhere.
  const thread = `
    for (let round = 0; ; round++) {
      delete require.cache[${JSON.stringify(BOOT_FILE)}]
      require(${JSON.stringify(BOOT_FILE)})
      if (round === 0) require('node:worker_threads').parentPort.postMessage('goes on')
    }`
  const program = `
    const { Worker } = require('node:worker_threads')
    async function main() {
      for (let round = 0; round < 40; round++) {
        const worker = new Worker(${JSON.stringify(thread)}, { eval: true, execArgv: [] })
        await new Promise(resolve => worker.once('message', resolve))
        await new Promise(resolve => setTimeout(resolve, round % 4))
        await worker.terminate()
      }
    }
    main()`
  const { status, signal, stderr } = spawnSync(process.execPath, ['-e', program], { encoding: 'utf8' })
  t.same({ status, signal }, { status: 0, signal: null }, stderr.slice(0, 500))
})

t.test(
  'a thread that is ended while it loads modules leaves none of their files open',
  { skip: !existsSync('/proc/self/fd') && 'there is no list of open files' },
  async t => {
    const modulesOpen = (): string[] =>
      readdirSync('/proc/self/fd').flatMap(fd => {
        try {
          const file = readlinkSync(`/proc/self/fd/${fd}`)
          return /\.[cm]?js$/.test(file) ? [file] : []
        } catch {
          return []
        }
      })
    // The second start tells how long loading takes here and now.
    let loadMs = 0
    for (let start = 0; start < 2; start++) {
      const pool = new HostPool({ ...MADE, name: 'deaths' })
      const since = performance.now()
      const host = pool.start({ how: 'serve', counter: counter() })
      await host.started
      loadMs = performance.now() - since
      await pool.close()
    }
    let inTime = 0
    let before = modulesOpen()
    t.strictSame(before, [])
    // Two threads load at the same time, and are ended from early in that to just behind it.
    for (let round = 0; round < 20; round++) {
      const pool = new HostPool({ ...MADE, name: 'deaths' })
      const host = pool.start({ how: 'serve', counter: counter() })
      const given = new SpareThreads(MADE)
      given.keep(60_000)
      await sleep(loadMs * (0.4 + round * 0.06))
      const since = performance.now()
      host.kill()
      t.equal((await host.exited).kind, 'killed')
      await given.close()
      // One that still loads after its second is cut off, and leaves what it has open: a machine that slow says nothing here.
      if (performance.now() - since < SECOND_MS) {
        t.strictSame(modulesOpen(), before)
        inTime++
      }
      before = modulesOpen()
    }
    t.ok(inTime > 0 || 2 * loadMs > SECOND_MS, `${inTime} rounds were in time, and loading took ${loadMs} ms`)
  },
)

t.test('a thread that is ended while it loads more is given a second for it, and no more', async t => {
  const pool = new HostPool({ ...MADE, name: 'deaths' })
  for (const isLoaded of [true, false]) {
    const host = pool.start({ how: 'serve', counter: counter() })
    await host.started
    let loaded = (): void => {}
    host.loads(
      new Promise<void>(resolve => {
        loaded = resolve
      }),
    )
    host.kill()
    await sleep(100)
    t.equal(pool.live, host, 'it lives')
    if (isLoaded) loaded()
    t.equal((await host.exited).kind, 'killed')
  }
})
