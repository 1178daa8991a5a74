/**
 * Who loads whom among the compiled modules: static and dynamic imports, `require`, and modules that are named by a
 * path, as threads, handlers and child processes are started.
 *
 * Read from `dist`, so that types count for nothing: what is compiled away cannot change what a test does.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** Folders of compiled modules, and the package that each may be imported as. */
const PACKAGES = new Map([
  ['sharedarraybuffer-ring', 'ring/dist/index.js'],
  // What `index.bundle.js` is made of.
  ['millrace', 'dist/runtime/index.js'],
])
const COMPILED = ['dist', 'ring/dist']

const IMPORTS = [
  /^\s*(?:import|export)\s[^'"`;]*?from\s*['"]([^'"]+)['"]/gm,
  /^\s*import\s*['"]([^'"]+)['"]/gm,
  /\b(?:import|require)\(\s*['"]([^'"]+)['"]/g,
  /['"](\.{1,2}\/[^'"\s]+\.c?js)['"]/g,
]

/** The text of a compiled module without its comments. */
function codeOf(file) {
  return readFileSync(file, 'utf8')
    .replace(/\/\*.*?\*\//gs, '')
    .replace(/(^|\s)\/\/.*$/gm, '$1')
}

/** A compiled module as it is named everywhere here: its path from the root, with `/`. */
function resolve(from, specifier) {
  if (specifier.startsWith('.')) return posix.join(posix.dirname(from), specifier).replace(/\.(c?)ts$/, '.$1js')
  return PACKAGES.get(specifier) ?? specifier
}

/** What a compiled module was compiled from. */
function sourceOf(path) {
  return path
    .replace(/^ring\/dist\//, 'ring/')
    .replace(/^dist\//, '')
    .replace(/\.(c?)js$/, '.$1ts')
}

/** All compiled modules whose sources are there, of the project or of another clone of it, each with what it names and its code. */
export function readModules(clone = root) {
  const modules = new Map()
  for (const folder of COMPILED) {
    if (!existsSync(join(clone, folder))) continue
    for (const name of readdirSync(join(clone, folder), { recursive: true })) {
      if (!/\.c?js$/.test(name)) continue
      const path = posix.join(folder, name.replaceAll('\\', '/'))
      // The build leaves behind what its sources have lost.
      if (!existsSync(join(clone, sourceOf(path)))) continue
      const code = codeOf(join(clone, path))
      const named = IMPORTS.flatMap(pattern => [...code.matchAll(pattern)].map(([, specifier]) => specifier))
      modules.set(path, { code, names: new Set(named.map(specifier => resolve(path, specifier))) })
    }
  }
  return modules
}

/** All that a module loads or starts, directly or not, itself and packages included. */
export function closureOf(modules, path) {
  const found = new Set([path])
  for (const each of found) for (const next of modules.get(each)?.names ?? []) found.add(next)
  return found
}

/** Where a source is compiled to, or null: it is no TypeScript. */
export function compiledFrom(source) {
  const match = /^(.*)\.(c?)ts$/.exec(source)
  if (match === null || source.endsWith('.d.ts')) return null
  const [, path, common] = match
  const isRing = path.startsWith('ring/') && !path.startsWith('ring/examples/')
  return `${isRing ? path.replace('ring/', 'ring/dist/') : `dist/${path}`}.${common}js`
}
