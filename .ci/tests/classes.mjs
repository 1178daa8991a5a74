/**
 * The tests there are, and the class of each, which follows from what it loads:
 *
 *   pure       no thread, no process, no broker
 *   simulated  puts another world in the place of Node's, for good: alone in its process, and without threads
 *   broker     opens brokers, whose threads are real
 *   threads    starts threads by itself
 *   processes  starts processes
 *
 * Several of a class share a process. Alone are `x.stress.test.ts`, and of all but pure tests those that change or watch the
 * process.
 *
 * `x.exhaustive.test.ts` is a kind beside these: what it sweeps is done in part unless all of it is asked for. Another one is
 * `x.stress.test.ts`, which is done with the whole sweeps.
 */
import { closureOf, readModules } from './modules.mjs'

export const CLASSES = ['pure', 'simulated', 'broker', 'threads', 'processes']

const BROKER = 'dist/runtime/api/broker.js'
const POOL = 'dist/actors/pool.js'
/** Where the runtime starts its threads, for whoever asks. */
const WORLD = 'dist/actors/world.js'
/** Where the runtime asks Node for the place of a syntax error: no test starts a process by that. */
const SYNTAX = 'dist/runtime/delivery/syntax-place.js'
/** What a test changes for, or hears of, all that its process does. */
const OF_THE_PROCESS =
  /\bglobalThis\b|\bsetFlagsFromString\b|\bprocess\.(?:on|once|umask|chdir|env|memoryUsage|cpuUsage|listenerCount|getActiveResourcesInfo)\b/
/** What tests of documents, packages and sources ask for the root of the repository. */
const REPOSITORY = 'dist/runtime/proof/fixtures/repository.fixture.js'

function classOf(modules, loaded) {
  const some = pattern =>
    [...loaded].some(path => path !== WORLD && path !== SYNTAX && pattern.test(modules.get(path)?.code ?? ''))
  if (some(/\breplace(World|Pools)\((?!\w+\) \{)/)) return 'simulated'
  if (some(/'node:child_process'/)) return 'processes'
  if (loaded.has(BROKER)) return 'broker'
  if (loaded.has(POOL) || some(/\bnew Worker\(/)) return 'threads'
  return 'pure'
}

export function isSweepPath(path) {
  return path.endsWith('.exhaustive.test.js')
}

function isStressPath(path) {
  return path.endsWith('.stress.test.js')
}

/** Whether it may run in one process with others. */
function isShared(name, path, code) {
  return name === 'pure' || (name !== 'simulated' && !isStressPath(path) && !OF_THE_PROCESS.test(code))
}

/**
 * All compiled tests, of another clone if one is given: path, class, whether it may share a process with others of its class,
 * room, whether it is a sweep, whether it reads the repository, and what it loads.
 */
export function readTests(clone) {
  const modules = readModules(clone)
  return [...modules.keys()]
    .filter(path => path.endsWith('.test.js'))
    .sort()
    .map(path => {
      const loads = closureOf(modules, path)
      const name = classOf(modules, loads)
      return {
        path,
        class: name,
        isShared: isShared(name, path, modules.get(path).code),
        room: roomOf(path),
        isSweep: isSweepPath(path),
        isStress: isStressPath(path),
        readsRepository: loads.has(REPOSITORY),
        loads,
      }
    })
}

/** The folder that a compiled module stands in, as its source does. */
export function roomOf(path) {
  return path
    .replace(/^dist\//, '')
    .replace(/^ring\/dist\//, 'ring/')
    .split('/')
    .slice(0, -1)
    .join('/')
}
