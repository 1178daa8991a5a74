/**
 * The rooms of `runtime/`, lowest first, and who imports whom: `npm run rooms`.
 *
 *   npm run rooms              # the rooms in order, with the arrows between them
 *   npm run rooms -- --files   # and the imports behind each arrow
 *
 * A room imports itself, the rooms below it, and the packages `actors` and `ring`. Types count as everything else does: a file
 * whose types point upward cannot be understood, or replaced, without the room above. Tests and their fixtures may import
 * anything. Fails, with each import that is at fault, on an arrow upward, on a circle of files, and on a room that no line here
 * or no README describes.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const OUR_ROOT = fileURLToPath(new URL('..', import.meta.url))

/** Each room with the thread that its code runs on; its README says the same. The door is what lies beside the rooms. */
export const ROOMS = [
  ['base', 'any'],
  ['schedule', 'any'],
  ['words', 'any'],
  ['options', 'the caller’s'],
  ['engine', 'any'],
  ['events', 'the one that created the broker'],
  ['wire', 'any'],
  ['log/disk', 'any'],
  ['log/format', 'any'],
  ['log/recovery', 'partition hosts, control'],
  ['log/read', 'partition hosts, attached threads'],
  ['log/store', 'partition hosts, control'],
  ['log/folder', 'control'],
  ['resident', 'partition hosts'],
  ['link', 'partition hosts, attached threads'],
  ['dead-letters', 'partition hosts'],
  ['partition', 'partition hosts'],
  ['group', 'partition hosts'],
  ['queue', 'partition hosts'],
  ['queue-actor', 'partition hosts'],
  ['routing', 'any'],
  ['thread', 'attached threads'],
  ['publish', 'attached threads'],
  ['reader', 'attached threads'],
  ['delivery', 'attached threads'],
  ['host', 'partition hosts'],
  ['control', 'control'],
  ['embedded', 'the one that created the broker'],
  ['api', 'the one that created the broker'],
  ['.', 'the one that created the broker'],
  ['cli', 'the main thread of `millrace`'],
  ['proof', 'never shipped'],
]

/** Circles of files that are honest: a simulated port copies messages, in which there may be ports. */
const HONEST_CIRCLES = ['proof/sim/clone.ts, proof/sim/sim-port.ts']

const PATTERNS = [
  /^\s*(?:import|export)\s[^'"`;]*?from\s*'(\.[^']+)'/gm,
  /^\s*import\s*'(\.[^']+)'/gm,
  /\bimport\(\s*'(\.[^']+)'/g,
]

const names = ROOMS.map(([name]) => name)

/** The room of a path below `runtime/`, or undefined. */
export function roomOf(path) {
  if (!path.includes('/')) return '.'
  return names.find(name => path.startsWith(`${name}/`))
}

/** All files that ship or prove, by their path below `runtime/`, each with the paths that it imports. */
export function readFiles(root = OUR_ROOT) {
  const folder = join(root, 'runtime')
  const files = new Map()
  for (const name of readdirSync(folder, { recursive: true })) {
    const path = name.replaceAll('\\', '/')
    if (!/\.c?ts$/.test(path) || /\.(test|fixture)\.c?ts$|(^|\/)(fixtures|dist|node_modules)\//.test(path)) continue
    const code = readFileSync(join(folder, path), 'utf8')
      .replace(/\/\*.*?\*\//gs, '')
      .replace(/(^|\s)\/\/.*$/gm, '$1')
    const imports = PATTERNS.flatMap(pattern => [...code.matchAll(pattern)].map(([, specifier]) => specifier))
      .map(specifier => posix.join(posix.dirname(path), specifier))
      .filter(imported => !imported.startsWith('..'))
    files.set(path, imports)
  }
  return files
}

/** Arrows between rooms: from, to, and the imports behind them. */
export function arrowsOf(files) {
  const arrows = new Map()
  for (const [path, imports] of files)
    for (const imported of imports) {
      const [from, to] = [roomOf(path), roomOf(imported)]
      if (from === to) continue
      const key = `${from} -> ${to}`
      const arrow = arrows.get(key) ?? { from, to, imports: [] }
      arrow.imports.push(`${path} -> ${imported}`)
      arrows.set(key, arrow)
    }
  return [...arrows.values()]
}

/** Groups of files that reach each other, by Tarjan's algorithm. Source: https://doi.org/10.1137/0201010 */
export function circlesOf(files) {
  const [index, low, stack, on, circles] = [new Map(), new Map(), [], new Set(), []]
  const visit = path => {
    index.set(path, index.size)
    low.set(path, index.get(path))
    stack.push(path)
    on.add(path)
    for (const next of files.get(path) ?? []) {
      if (!files.has(next)) continue
      if (!index.has(next)) visit(next)
      if (on.has(next)) low.set(path, Math.min(low.get(path), low.get(next)))
    }
    if (low.get(path) !== index.get(path)) return
    const circle = stack.splice(stack.indexOf(path))
    for (const each of circle) on.delete(each)
    if (circle.length > 1) circles.push(circle.sort())
  }
  for (const path of files.keys()) if (!index.has(path)) visit(path)
  return circles
}

/** All that is wrong with the order of the rooms, a line each. */
export function faultsOf(root = OUR_ROOT) {
  const files = readFiles(root)
  const rank = new Map(names.map((name, at) => [name, at]))
  const homeless = [...files.keys()].filter(path => roomOf(path) === undefined)
  const upward = arrowsOf(files)
    .filter(({ from, to }) => rank.get(to) > rank.get(from))
    .flatMap(({ imports }) => imports)
  const circles = circlesOf(files)
    .map(circle => circle.join(', '))
    .filter(circle => !HONEST_CIRCLES.includes(circle))
  const undescribed = ROOMS.filter(([name, thread]) => {
    const readme = join(root, 'runtime', name, 'README.md')
    return !existsSync(readme) || !readFileSync(readme, 'utf8').includes(`\n* Thread: ${thread}.\n`)
  })
  return [
    ...homeless.map(path => `in no room: ${path}`),
    ...upward.map(line => `upward: ${line}`),
    ...circles.map(circle => `circle: ${circle}`),
    ...undescribed.map(([name, thread]) => `runtime/${name}/README.md does not say: * Thread: ${thread}.`),
  ]
}

function main() {
  const files = readFiles()
  const arrows = arrowsOf(files)
  const withFiles = process.argv.includes('--files')
  for (const [name, thread] of ROOMS) {
    const own = [...files.keys()].filter(path => roomOf(path) === name)
    const below = arrows.filter(({ from }) => from === name).sort((a, b) => names.indexOf(a.to) - names.indexOf(b.to))
    console.log(`${name === '.' ? '(door)' : name}: ${own.length} files; thread: ${thread}`)
    for (const { to, imports } of below) {
      console.log(`    -> ${to === '.' ? '(door)' : to} ${imports.length}`)
      if (withFiles) for (const line of imports) console.log(`         ${line}`)
    }
  }
  const faults = faultsOf()
  for (const fault of faults) console.log(fault)
  console.log(`${faults.length} faults`)
  process.exitCode = faults.length === 0 ? 0 : 1
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main()
