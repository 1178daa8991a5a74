/**
 * The tests there are, and the class of each, which follows from what it loads:
 *
 *   pure       no thread, no process, no broker: many of them share a process
 *   simulated  puts another world in the place of Node's, for good: alone in its process, and without threads
 *   broker     opens brokers, whose threads are real
 *   threads    starts threads by itself
 *   processes  starts processes
 *
 * `x.exhaustive.test.ts` is a kind beside these: what it sweeps is done in part unless all of it is asked for.
 */
import { closureOf, readModules } from './modules.mjs'

export const CLASSES = ['pure', 'simulated', 'broker', 'threads', 'processes']

const BROKER = 'dist/runtime/broker.js'
const POOL = 'dist/actors/pool.js'
/** Where the runtime starts its threads, for whoever asks. */
const WORLD = 'dist/actors/world.js'
/** What tests of documents, packages and sources ask for the root of the repository. */
const REPOSITORY = 'dist/runtime/repository.fixture.js'

function classOf(modules, loaded) {
  const some = pattern => [...loaded].some(path => path !== WORLD && pattern.test(modules.get(path)?.code ?? ''))
  if (loaded.has('node:child_process')) return 'processes'
  if (some(/\breplace(World|Pools)\((?!\w+\) \{)/)) return 'simulated'
  if (loaded.has(BROKER)) return 'broker'
  if (loaded.has(POOL) || some(/\bnew Worker\(/)) return 'threads'
  return 'pure'
}

/** All compiled tests, of another clone if one is given: path, class, room, whether it is a sweep, whether it reads the repository, and what it loads. */
export function readTests(clone) {
  const modules = readModules(clone)
  return [...modules.keys()]
    .filter(path => path.endsWith('.test.js'))
    .sort()
    .map(path => {
      const loads = closureOf(modules, path)
      return {
        path,
        class: classOf(modules, loads),
        room: roomOf(path),
        isSweep: path.endsWith('.exhaustive.test.js'),
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
