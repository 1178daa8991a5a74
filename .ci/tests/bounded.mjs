/**
 * One process at a time within bounds: of the processor time that it and its children use, which other load does not
 * touch, and of the wall time, so that one that hangs ends as well.
 *
 * Both bounds follow from what is expected, in seconds of processor time on the reference machine, and from how slow
 * this one is at the moment. A process that is late is told to end, which makes tap name the test that it waits for.
 */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { slowness } from '../../dist/runtime/proof/fixtures/slowness.fixture.js'

const CPU_FACTOR = 10
const CPU_S_MIN = 30
const WALL_FACTOR = 20
const EXPECTED_S_MIN = 3
const LOOK_MS = 500
/** From being told to end to being ended. */
const GRACE_MS = 3_000
const TICKS_PER_S = 100
/**
 * Without a compiler between the interpreter's and the last one, V8 optimises too early for tests: most are over before that has paid.
 * So it waits fifteen times as long there. Newer versions have such a compiler, and gain nothing.
 */
const FLAGS = process.versions.v8.startsWith('11.') ? ['--interrupt-budget=1000000'] : []

const live = new Set()
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    for (const child of live) end(child, 'SIGKILL')
    process.exit(signal === 'SIGINT' ? 130 : 143)
  })
}

/** Ends a process and all that it started. */
function end(child, signal) {
  try {
    process.kill(-child.pid, signal)
  } catch (error) {
    if (error.code !== 'ESRCH') throw error
  }
}

/** Fields of /proc/PID/stat behind the name: processor time by itself and of children it has waited for. Linux only. */
function cpuOf(pid, fields) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const rest = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields.reduce((sum, at) => sum + Number(rest[at]), 0) / TICKS_PER_S
  } catch {
    return 0
  }
}
const OWN_AND_CHILDREN = [11, 12, 13, 14]
const CHILDREN = [13, 14]

let cpuSeen = cpuOf('self', CHILDREN)

/** How slow this machine is now, by the clock (other load included) and by processor time (its speed alone). */
export function calibrate() {
  const before = process.cpuUsage()
  const since = performance.now()
  // One look may fall into somebody else's turn.
  const byClock = Math.min(slowness(), slowness())
  const { user, system } = process.cpuUsage(before)
  return { byClock, bySpeed: Math.max(1, (byClock * (user + system)) / 1_000 / (performance.now() - since)) }
}

/**
 * Runs Node with `args`; what it printed, how it ended if that was badly (null: well), and its seconds by the clock and
 * of processor time (0 where that cannot be known).
 */
export function runNode(args, { expectedS, env = {} }) {
  const { byClock, bySpeed } = calibrate()
  const wallS = WALL_FACTOR * Math.max(EXPECTED_S_MIN, expectedS) * byClock
  const cpuS = Math.max(CPU_S_MIN, CPU_FACTOR * expectedS) * bySpeed
  return new Promise(resolve => {
    const child = spawn(process.execPath, [...FLAGS, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      // tap's own limit comes from here; it is below ours, so that tap says what it waited for.
      env: { ...process.env, TAP: '1', TAP_TIMEOUT: String(Math.ceil(wallS * 0.9)), ...env },
    })
    live.add(child)
    const since = performance.now()
    const [stdout, stderr] = [[], []]
    child.stdout.on('data', chunk => stdout.push(chunk))
    child.stderr.on('data', chunk => stderr.push(chunk))
    let late = null
    let cpu = 0
    const look = setInterval(() => {
      const wall = (performance.now() - since) / 1_000
      if (late !== null) {
        if (wall > late.at + GRACE_MS / 1_000) end(child, 'SIGKILL')
        return
      }
      const used = cpuOf(child.pid, OWN_AND_CHILDREN)
      if (used > cpuS) late = { at: wall, why: `ended after ${cpuS.toFixed(0)} s of processor time` }
      else if (wall > wallS) late = { at: wall, why: `ended after ${wallS.toFixed(0)} s` }
      if (late !== null) end(child, 'SIGTERM')
    }, LOOK_MS)
    child.on('exit', () => {
      // What its children use is counted when it has waited for them, and it is counted here when it has exited.
      const now = cpuOf('self', CHILDREN)
      cpu = now - cpuSeen
      cpuSeen = now
    })
    child.on('close', (code, signal) => {
      clearInterval(look)
      live.delete(child)
      end(child, 'SIGKILL') // what it started and left
      const ended = late?.why ?? (code === 0 ? null : `exit ${code ?? signal}`)
      const seconds = (performance.now() - since) / 1_000
      resolve({
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
        ended,
        seconds,
        cpu,
        bySpeed,
      })
    })
  })
}
