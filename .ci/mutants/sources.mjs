/**
 * The sources that may be broken: those that ship, and what judges them and is judged by mutants itself (the simulation,
 * ring's explored roles). Never tests, fixtures, long programs, or what judges histories. With them the names of the
 * declarations around a line, which are read only for files where a mutant asks.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const require = createRequire(import.meta.url)

/** Where the mutants of a room stand; of a room that is not named here, in its own folder. */
const FOLDERS = new Map([['runtime', ['actors', 'runtime']]])
const SHIPS_NOT = /\.(test|fixture)\.ts$|\.d\.c?ts$|(^|\/)(dist|node_modules|stress|history)\//
/** What does not ship, and can be broken by a mutant all the same. */
const JUDGES = /\/(fixtures|sim)\//

/** Paths from the root, with `/`, of all TypeScript in a folder. */
export function sourcesIn(root, folder) {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { recursive: true })
    .map(path => `${folder}/${path.replaceAll('\\', '/')}`)
    .filter(path => /\.c?ts$/.test(path) && !/\.d\.c?ts$|(^|\/)(dist|node_modules)\//.test(path))
    .sort()
}

/** Paths of what ships; examples and benches do not. */
export function shippedSources(root, folder) {
  return sourcesIn(root, folder).filter(
    path => !SHIPS_NOT.test(path) && !JUDGES.test(path) && !path.startsWith('ring/examples/'),
  )
}

/** A source, and `around(offset)`: the names of the declarations there, outermost first. */
function readSource(root, path) {
  const text = readFileSync(join(root, path), 'utf8')
  let declarations
  return {
    path,
    text,
    lines: text.split('\n'),
    around(offset) {
      declarations ??= declarationsOf(path, text)
      return declarations.filter(({ start, end }) => start <= offset && offset < end).map(({ name }) => name)
    },
  }
}

/** What the mutants of a room are looked for in. */
export function breakable(root, room) {
  return (FOLDERS.get(room) ?? [room])
    .flatMap(folder => sourcesIn(root, folder))
    .filter(path => !SHIPS_NOT.test(path))
    .map(path => readSource(root, path))
}

/** Functions, classes, methods, and what is bound to a name, each with its extent, outer ones first. */
function declarationsOf(path, text) {
  const ts = require('typescript-js')
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest)
  const found = []
  const visit = node => {
    const isNamed =
      ts.isFunctionLike(node) ||
      ts.isClassLike(node) ||
      ts.isVariableDeclaration(node) ||
      ts.isPropertyDeclaration(node) ||
      ts.isPropertyAssignment(node)
    if (ts.isConstructorDeclaration(node)) found.push({ name: 'constructor', start: node.pos, end: node.end })
    else if (isNamed && node.name !== undefined && 'text' in node.name)
      found.push({ name: node.name.text, start: node.pos, end: node.end })
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}
