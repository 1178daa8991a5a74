/**
 * Shows that two builds of the same sources are the same program: node .ci/same-emit.mjs FOLDER FOLDER
 *
 * The compiler with which users of this repository build is a native binary in an optional package; where those are left
 * out, one that is written in JavaScript stands in. Both are to emit the same syntax trees: quotes, white space,
 * comments, semicolons and redundant parentheses may differ, nothing else. Exits with 1, naming what does.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript-js'

const COMPILED = ['dist', 'ring/dist']

function namesIn(folder) {
  return COMPILED.flatMap(part =>
    readdirSync(join(folder, part), { recursive: true })
      .filter(name => /\.c?js$|\.d\.c?ts$/.test(name))
      .map(name => join(part, name)),
  ).sort()
}

function unwrapped(node) {
  while (ts.isParenthesizedExpression(node)) node = node.expression
  return node
}

function childrenOf(node) {
  const children = []
  ts.forEachChild(node, child => void children.push(unwrapped(child)))
  // A lone semicolon is nothing in a list of statements or members.
  const semicolons = [ts.SyntaxKind.EmptyStatement, ts.SyntaxKind.SemicolonClassElement]
  return ts.isSourceFile(node) || ts.isBlock(node) || ts.isClassLike(node)
    ? children.filter(({ kind }) => !semicolons.includes(kind))
    : children
}

/** What a node is, beside its children. */
function nature(node) {
  const blockScoped = ts.isVariableDeclarationList(node) ? node.flags & ts.NodeFlags.BlockScoped : 0
  const text = ts.isSourceFile(node) ? null : node.text
  return JSON.stringify([node.kind, text, node.operator, node.isTypeOnly, blockScoped])
}

/** The first place at which the trees differ, or null. */
function difference(a, b) {
  const [of, other] = [childrenOf(a), childrenOf(b)]
  if (nature(a) !== nature(b) || of.length !== other.length) return a
  for (const [at, child] of of.entries()) {
    const found = difference(child, other[at])
    if (found !== null) return found
  }
  return null
}

function parsed(path) {
  return ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ESNext, false)
}

const [left, right] = process.argv.slice(2)
const names = namesIn(left)
const wrong = []
if (names.length === 0) wrong.push(`nothing is compiled in ${left}`)
const others = namesIn(right)
for (const name of new Set([...names, ...others]))
  if (!names.includes(name) || !others.includes(name)) wrong.push(`${name} is in one of them only`)
for (const name of names.filter(each => others.includes(each))) {
  const [a, b] = [left, right].map(folder => parsed(join(folder, name)))
  const found = difference(a, b)
  if (found !== null) {
    const { line } = a.getLineAndCharacterOfPosition(found.pos)
    wrong.push(`${name}:${line + 1}: ${a.text.slice(found.pos, found.end).trim().slice(0, 120)}`)
  }
}
for (const each of wrong.slice(0, 50)) console.error(each)
console.log(`${names.length} files compared, ${wrong.length} differ`)
process.exitCode = wrong.length === 0 ? 0 : 1
