/**
 * The mutants of the rooms, each with its place in the sources and its test. What is wrong with any of them is found
 * before anything runs, and told for all at once.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { closureOf, compiledFrom, readModules } from '../tests/modules.mjs'
import { anchorOf } from './anchor.mjs'
import { breakable, sourcesIn } from './sources.mjs'

/** Folders that tests and programs stand in. */
const FOLDERS = ['ring', 'actors', 'runtime', 'examples']

function readRooms(root) {
  return readdirSync(root)
    .filter(room => existsSync(join(root, room, 'mutants.json')))
    .flatMap(room =>
      JSON.parse(readFileSync(join(root, room, 'mutants.json'), 'utf8')).map(mutant => ({ room, ...mutant })),
    )
}

/** The sources of that name: a base name, or as much of the path before it as makes it the only one. No `.ts`. */
export function namedSources(sources, name) {
  return sources.filter(path => path.includes(name) && `/${path.replace(/\.c?ts$/, '')}`.endsWith(`/${name}`))
}

function testFault(root, all, loads, { name, test, path }) {
  const found = namedSources(all, test)
  if (found.length > 1) return `${name}: ${test} is the name of ${found.join(' and ')}; put a folder before it`
  if (found.length === 0) {
    const [subject] = basename(test).split('.')
    const like = all.filter(each => basename(each).split('.')[0] === subject && /\.test\.ts$/.test(each))
    return `${name}: there is no ${test}; ${like.length > 0 ? `is it ${like.join(' or ')} now?` : 'name another test'}`
  }
  const compiled = compiledFrom(found[0])
  if (!existsSync(join(root, compiled))) return `${name}: there is no ${compiled}; npm run build makes it`
  if (path !== undefined && !loads(compiled).has(compiledFrom(path)))
    return `${name}: ${found[0]} does not load ${path}, so that it cannot see it; name a test that does`
  return null
}

/**
 * All mutants, each with `path`, `line`, `start` and `end` of what it replaces and `program`, its compiled test; and
 * the faults of the data, in words.
 */
export function readMutants(root) {
  const modules = readModules(root)
  const closures = new Map()
  const loads = path => {
    if (!closures.has(path)) closures.set(path, closureOf(modules, path))
    return closures.get(path)
  }
  const all = FOLDERS.flatMap(folder => sourcesIn(root, folder))
  const sources = new Map()
  const names = new Set()
  const faults = []
  const mutants = readRooms(root).map(mutant => {
    const { name, room, search, replace, test } = mutant
    if (!sources.has(room)) sources.set(room, breakable(root, room))
    if (names.has(name)) faults.push(`${name}: two mutants have this name`)
    names.add(name)
    if (search.includes('\n') || search === replace) faults.push(`${name}: replace a part of one line by another`)
    const { place, fault } = anchorOf(sources.get(room), mutant)
    const [source] = namedSources(all, test)
    const unseen = testFault(root, all, loads, { name, test, path: place?.path })
    faults.push(...[fault, unseen].filter(each => each !== null))
    return { ...mutant, ...place, program: source && compiledFrom(source) }
  })
  return { mutants, faults }
}
