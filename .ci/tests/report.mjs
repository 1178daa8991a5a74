/**
 * What a document of TAP comes to: for each test file how many assertions passed and failed, and of those that failed
 * the test, the place and the difference.
 */
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Parser } from 'tap-parser'
import { root } from './modules.mjs'

/** The name of what is no test: it stands at the end of a file that shares its process. */
export const END = 'end of this file'
const LINES_MAX = 40
/** Fields of a diagnostic that say nothing beside the others. */
const UNTOLD = new Set(['at', 'stack', 'compare'])

/** Results by file. `file` is whose tests come before the first comment that names another. */
export function readTap(text, file) {
  const results = new Map()
  let current
  const begin = name => {
    current = { file: name, passed: 0, failed: 0, failures: [], cpu: null }
    results.set(name, current)
  }
  if (file !== null) begin(file)
  /** The file that a stack names, in place of the current one: a timer, say, may act after the end of its file. */
  const ownerOf = diag => {
    const stack = `${diag?.stack ?? ''} ${diag?.at?.fileName ?? ''}`
    const names = name => stack.includes(name) || stack.includes(sourceOf(name))
    if (current === undefined || names(current.file)) return undefined
    return [...results.values()].find(each => names(each.file))
  }
  const parser = new Parser()
  parser.on('comment', line => {
    const [, what, value] = /^# (file|cpu): (.*)\n$/.exec(line) ?? []
    if (what === 'file') begin(value)
    if (what === 'cpu') current.cpu = Number(value)
  })
  parser.on('result', ({ ok, todo, skip, name, fullname, diag }) => {
    if (todo || skip || name === END) return
    if (ok) {
      current.passed += 1
      return
    }
    const owner = ownerOf(diag) ?? current
    owner.failed += 1
    owner.failures.push({ name: fullname, diag })
  })
  parser.end(text)
  return { results: [...results.values()], isWhole: parser.ok }
}

/** The source of a compiled test, as stacks name it. */
function sourceOf(file) {
  return file
    .replace(/(?:^|\/)dist\//, '/')
    .replace(/^\//, '')
    .replace(/\.js$/, '.ts')
}

function placeOf({ at, stack }) {
  const path = at?.fileName?.startsWith('file:') ? fileURLToPath(at.fileName) : at?.fileName
  if (path !== undefined) return `${relative(root, path)}:${at.lineNumber}`
  return /[^\s(]+:\d+:\d+/.exec(stack ?? '')?.[0] ?? null
}

function shown(value) {
  return typeof value === 'string' ? value : JSON.stringify(value, null, 1)
}

function indented(text) {
  return text.split('\n').map(line => `    ${line}`)
}

/** What one failed assertion says, in lines. */
export function failureLines({ name, diag }) {
  const lines = [`  ${name}`]
  const place = placeOf(diag ?? {})
  if (place !== null) lines.push(`    at ${place}`)
  for (const [key, value] of Object.entries(diag ?? {})) {
    if (key === 'source' || key === 'diff') lines.push(...indented(value))
    else if (key === 'stack' && 'tapCaught' in diag) lines.push(...indented(value))
    else if (!UNTOLD.has(key)) lines.push(...indented(`${key}: ${shown(value)}`))
  }
  const full = lines.filter(line => line.trim() !== '')
  return full.length <= LINES_MAX ? full : [...full.slice(0, LINES_MAX), `    … ${full.length - LINES_MAX} more lines`]
}
