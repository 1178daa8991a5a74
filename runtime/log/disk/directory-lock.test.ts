import { type ChildProcess, fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { hostname, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { acquireLock } from './directory-lock.ts'
import type { Told } from './fixtures/lock-racer.fixture.ts'
import { DirectoryHeldError, UnreadableLockError } from './lock-errors.ts'
import { listenAt } from './lock-socket.ts'

const RACERS = 12
const racer = fileURLToPath(new URL('./fixtures/lock-racer.fixture.js', import.meta.url))
const module = new URL('./directory-lock.js', import.meta.url).href

function folder(t: { teardown(act: () => void): unknown }): string {
  const directory = mkdtempSync(join(tmpdir(), 'lock-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

async function takeAndRelease(...given: Parameters<typeof acquireLock>): Promise<void> {
  const lock = await acquireLock(...given)
  lock.release()
}

/** A lock file as another process would have left it. */
function leave(directory: string, holder: object, name = 'LOCK'): string {
  const token = crypto.randomUUID()
  const whole = { pid: process.pid, start: 'another', host: hostname(), token, ...holder }
  writeFileSync(join(directory, name), JSON.stringify(whole))
  return token
}

/** Of the kernel; null where there is none. */
function bootId(): string | null {
  const file = '/proc/sys/kernel/random/boot_id'
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : null
}

/** An id that no process has: that of a child which has ended. */
function freePid(): number {
  return spawnSync(process.execPath, ['--version']).pid
}

t.test('the name of a directory that is taken is durable, also if another made it', async t => {
  const directory = join(folder(t), 'data')
  const steps: string[] = []
  const disk = {
    makeFolder: (path: string) => {
      steps.push(`make ${path}`)
      mkdirSync(path)
    },
    syncDirectory: (path: string) => steps.push(`sync ${path}`),
  }
  await takeAndRelease(directory, disk)
  t.strictSame(steps, [`make ${directory}`, `sync ${dirname(directory)}`])
})

t.test('a directory is held until it is given up', async t => {
  const directory = join(folder(t), 'made', 'on', 'demand')
  const lock = await acquireLock(directory)
  const { token } = JSON.parse(readFileSync(join(directory, 'LOCK'), 'utf8'))
  const held = ['LOCK', `LOCK.${token}`, 'control.sock']
  t.same(readdirSync(directory), held)
  await t.rejects(acquireLock(directory), DirectoryHeldError)
  await t.rejects(acquireLock(directory), {
    name: 'DirectoryHeldError',
    message: `${directory} is held by process ${process.pid} of ${hostname()}`,
    holder: { isThisProcess: true },
  })
  t.same(readdirSync(directory), held)
  lock.release()
  t.same(readdirSync(directory), [])
  const second = await acquireLock(directory)
  lock.release()
  await t.rejects(acquireLock(directory), DirectoryHeldError, 'given up twice is given up once')
  second.release()
  t.same(readdirSync(directory), [])
})

t.test('another thread of the process is refused', async t => {
  const directory = folder(t)
  const lock = await acquireLock(directory)
  const source = `import(${JSON.stringify(module)}).then(({ acquireLock }) => acquireLock(${JSON.stringify(directory)}))
    .then(() => 'won', error => error.name).then(said => require('node:worker_threads').parentPort.postMessage(said))`
  const worker = new Worker(source, { eval: true })
  t.same(await once(worker, 'message'), ['DirectoryHeldError'])
  await worker.terminate()
  lock.release()
})

t.test('a holder that is gone, or whose id another process has now, is succeeded', async t => {
  const gone = freePid()
  for (const holder of [{ pid: gone }, { pid: gone, start: null }, ...(process.platform === 'linux' ? [{}] : [])]) {
    const directory = folder(t)
    leave(directory, holder)
    const lock = await acquireLock(directory)
    t.match(JSON.parse(readFileSync(join(directory, 'LOCK'), 'utf8')), { pid: process.pid, host: hostname() })
    lock.release()
  }
})

t.test(
  'a holder of another host is never succeeded, nor one whose start nobody knows while its id is in use',
  async t => {
    const gone = freePid()
    for (const holder of [{ pid: gone, host: 'elsewhere' }, { start: null }]) {
      const directory = folder(t)
      leave(directory, holder)
      const before = readFileSync(join(directory, 'LOCK'), 'utf8')
      await t.rejects(acquireLock(directory), DirectoryHeldError)
      t.equal(readFileSync(join(directory, 'LOCK'), 'utf8'), before)
      t.same(readdirSync(directory), ['LOCK'])
    }
  },
)

t.test('heirs that died while they took over are succeeded in turn, and what they left is removed', async t => {
  const directory = folder(t)
  const pid = freePid()
  const first = leave(directory, { pid })
  const second = leave(directory, { pid }, `LOCK.after-${first}`)
  leave(directory, { pid }, `LOCK.after-${second}`)
  leave(directory, { pid }, 'LOCK.draft-1')
  leave(directory, { pid }, 'LOCK.after-outdated')
  await takeAndRelease(directory)
  t.same(readdirSync(directory), [])
})

t.test('an heir that is alive holds the directory before it has moved to its place', async t => {
  const directory = folder(t)
  const token = leave(directory, { pid: freePid() })
  const heir = leave(directory, { door: 'socket', boot: bootId(), start: null }, `LOCK.after-${token}`)
  const server = createServer().listen(join(directory, `LOCK.${heir}`))
  t.teardown(() => server.close())
  await once(server, 'listening')
  await t.rejects(acquireLock(directory), {
    name: 'DirectoryHeldError',
    message: `${directory} is held by process ${process.pid} of ${hostname()}`,
  })
})

t.test('what a holder left that was killed with its thread, or came with a copy, is no obstacle', async t => {
  const directory = folder(t)
  const source = `import(${JSON.stringify(module)}).then(({ acquireLock }) => acquireLock(${JSON.stringify(directory)}))
    .then(() => { setInterval(() => {}, 1e6); require('node:worker_threads').parentPort.postMessage('held') })`
  const worker = new Worker(source, { eval: true })
  await once(worker, 'message')
  await t.rejects(acquireLock(directory), DirectoryHeldError)
  const copied = folder(t)
  writeFileSync(join(copied, 'LOCK'), readFileSync(join(directory, 'LOCK')))
  await takeAndRelease(copied)
  t.same(readdirSync(copied), [])
  await worker.terminate()
  t.ok(readdirSync(directory).includes('LOCK'))
  await takeAndRelease(directory)
  t.same(readdirSync(directory), [], 'what was left is removed')
})

t.test('a socket that a dead contender left is removed, and one of a living contender is not', async t => {
  const directory = folder(t)
  const living = 'c0000000-0000-4000-8000-000000000000'
  const place = { directory, folder: null }
  const socket = await listenAt(place, `LOCK.${living}`, living)
  for (const name of ['LOCK.d', 'LOCK.draft-d']) writeFileSync(join(directory, name), '')
  leave(directory, { token: living, door: 'socket' }, `LOCK.draft-${living}`)
  await takeAndRelease(directory)
  t.same(readdirSync(directory), [`LOCK.${living}`, `LOCK.draft-${living}`])
  socket?.close()
})

t.test('a lock file that says nothing is refused and left alone', async t => {
  for (const text of [
    '',
    'pid 4',
    '{}',
    '{"pid":1,"start":1,"host":"a","token":"b"}',
    '{"pid":1,"start":null,"host":"a","token":"../../x"}',
    'null',
  ]) {
    const directory = folder(t)
    writeFileSync(join(directory, 'LOCK'), text)
    await t.rejects(acquireLock(directory), UnreadableLockError, text)
    t.same(readdirSync(directory), ['LOCK'])
    t.equal(readFileSync(join(directory, 'LOCK'), 'utf8'), text)
  }
})

async function tell(children: readonly ChildProcess[], told: Told): Promise<string[]> {
  const answers = children.map(async child => String((await once(child, 'message'))[0]))
  for (const child of children) child.send(told)
  return await Promise.all(answers)
}

t.test('of many processes that find a dead holder exactly one wins, round after round', async t => {
  const directory = folder(t)
  let children = Array.from({ length: RACERS }, () => fork(racer, [directory]))
  t.teardown(() => {
    for (const child of children) child.kill('SIGKILL')
  })
  await Promise.all(children.map(child => once(child, 'message')))
  while (children.length > RACERS / 2) {
    const answers = await tell(children, { what: 'once', times: 1 })
    t.same(answers.toSorted(), [...Array.from({ length: children.length - 1 }, () => 'lost'), 'won'])
    const winner = children[answers.indexOf('won')] as ChildProcess
    // Killed while it holds the directory, so the next round finds a dead holder.
    winner.kill('SIGKILL')
    await once(winner, 'exit')
    children = children.filter(child => child !== winner)
  }
  const answers = await tell(children, { what: 'loop', times: 10 })
  for (const answer of answers) t.match(answer, /^(some|none) 0$/, 'nobody else was inside')
  t.ok(answers.includes('some 0'))
  await takeAndRelease(directory)
  t.same(readdirSync(directory), [])
})
