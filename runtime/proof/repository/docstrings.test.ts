/**
 * Each export of `runtime/words` and each of its public members has a docstring, and so has each export of the doors.
 *
 * Reads the sources with the compiler that is written in JavaScript; no type is checked.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import ts from 'typescript-js'
import { repositoryRoot } from '../fixtures/repository.fixture.ts'

function isDocumented(node: ts.Node): boolean {
  return ts.getJSDocCommentsAndTags(node).length > 0
}

function isExported(node: ts.Node): boolean {
  const modifiers = ts.canHaveModifiers(node) ? ts.getModifiers(node) : undefined
  return modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false
}

/** The members that users see of a type, a class or an object type, with those of object types inside. */
function membersOf(node: ts.Node): ts.Node[] {
  const members: ts.Node[] = []
  const collect = (child: ts.Node): void => {
    const isMember =
      ts.isPropertySignature(child) ||
      ts.isMethodSignature(child) ||
      ts.isIndexSignatureDeclaration(child) ||
      ts.isPropertyDeclaration(child) ||
      ts.isMethodDeclaration(child) ||
      ts.isConstructorDeclaration(child)
    if (isMember && !(child.name !== undefined && ts.isPrivateIdentifier(child.name))) members.push(child)
    // Code, and the types of parameters and results, are nobody's members.
    if (ts.isBlock(child) || ts.isFunctionTypeNode(child) || ts.isUnionTypeNode(child)) return
    if (ts.isMethodSignature(child) || ts.isMethodDeclaration(child) || ts.isConstructorDeclaration(child)) return
    ts.forEachChild(child, collect)
  }
  ts.forEachChild(node, collect)
  return members
}

function nameOf(statement: ts.Statement): string {
  return (statement as ts.Statement & { readonly name?: ts.Identifier }).name?.text ?? ''
}

/** Places without a docstring: of all exports of a file, or of those with these names. */
function silentIn(path: string, text: string, names?: ReadonlySet<string>): string[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const wanted = file.statements.filter(each => isExported(each) && (names?.has(nameOf(each)) ?? true))
  // Overloads share one docstring.
  const isOverload = (at: number): boolean => {
    const [before, each] = [wanted[at - 1], wanted[at]]
    if (before === undefined || each === undefined || !ts.isFunctionDeclaration(each)) return false
    return nameOf(before) === nameOf(each)
  }
  return wanted.flatMap((statement, at) => {
    if (isOverload(at)) return []
    const isShape =
      ts.isInterfaceDeclaration(statement) ||
      ts.isClassDeclaration(statement) ||
      (ts.isTypeAliasDeclaration(statement) && ts.isTypeLiteralNode(statement.type))
    return [statement, ...(isShape ? membersOf(statement) : [])]
      .filter(node => !isDocumented(node))
      .map(node => `${path}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}`)
  })
}

t.test('finds what has no docstring', async t => {
  const source = [
    '/** One. */ export interface One {',
    '  a: number',
    '  /** B. */',
    '  b: { c: number }',
    '}',
    "export type Two = 'x'",
    '/** Overloaded. */ export function f(): void',
    'export function f(a?: string): void {}',
    'export const g = 1',
    'export const h = 2',
    '/** Three. */',
    'export class Three {',
    '  #own = 1',
    '  constructor() {}',
    '  /** D. */',
    '  d(e: { f: number }): void {}',
    '}',
    'interface Own { g: number }',
  ]
  t.strictSame(silentIn('x.ts', source.join('\n')), ['x.ts:2', 'x.ts:4', 'x.ts:6', 'x.ts:9', 'x.ts:10', 'x.ts:14'])
})

t.test('each public word and each of its members has a docstring', async t => {
  const folder = join(repositoryRoot(), 'runtime', 'words')
  const files = readdirSync(folder).filter(name => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  t.ok(files.length > 10)
  t.strictSame(
    files.flatMap(name => silentIn(`runtime/words/${name}`, readFileSync(join(folder, name), 'utf8'))),
    [],
  )
})

for (const door of ['index.ts', 'testing.ts'])
  t.test(`each export of the door ${door} has a docstring`, async t => {
    const runtime = join(repositoryRoot(), 'runtime')
    const text = readFileSync(join(runtime, door), 'utf8')
    const exports = [...text.matchAll(/export (?:type )?\{([^}]+)\} from '\.\/([^']+)'/g)]
    const silent = exports.flatMap(([, names = '', path = '']) => {
      const wanted = new Set(names.split(',').map(name => name.trim().replace(/^type /, '')))
      return silentIn(`runtime/${path}`, readFileSync(join(runtime, path), 'utf8'), wanted)
    })
    t.ok(exports.length > 2)
    t.strictSame([...silent, ...silentIn(`runtime/${door}`, text)], [])
  })
