/**
 * What can be broken in a source, and how, by operators that know nothing of what the code means. Found in the syntax
 * tree, so that nothing stands in a string, a comment, a type, or the text of an error. Each place is a part of one line.
 */
import { createRequire } from 'node:module'

const ts = createRequire(import.meta.url)('typescript-js')
const { SyntaxKind } = ts

/** Each of these tokens becomes the other. */
const SWAPPED = [
  ['boundary', '<', '<='],
  ['boundary', '>', '>='],
  ['arithmetic', '+', '-'],
  ['arithmetic', '+=', '-='],
  ['arithmetic', '*', '/'],
  ['logic', '&&', '||'],
  ['equality', '===', '!=='],
  ['step', '++', '--'],
]
const OTHER = new Map(
  SWAPPED.flatMap(([operator, a, b]) => [
    [a, [operator, b]],
    [b, [operator, a]],
  ]),
)

function isLeftOut(node) {
  return (
    ts.isTypeNode(node) ||
    ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node) ||
    ts.isTypeParameterDeclaration(node) ||
    ts.isImportDeclaration(node) ||
    ts.isExportDeclaration(node) ||
    ts.isTemplateExpression(node) ||
    // What is thrown, and its text.
    ts.isThrowStatement(node) ||
    ((ts.isNewExpression(node) || ts.isCallExpression(node)) && /Error$/.test(node.expression.getText()))
  )
}

function isVoid(node) {
  const type = node.type?.getText()
  return node.body !== undefined && ts.isBlock(node.body) && (type === 'void' || type === 'Promise<void>')
}

function conditionOf(node) {
  if (ts.isIfStatement(node) || ts.isWhileStatement(node)) return node.expression
  return ts.isConditionalExpression(node) ? node.condition : undefined
}

/** What may be done to a node itself: `operator`, its extent, and what then stands there. */
function* changes(node) {
  const put = (operator, start, end, text) => ({ operator, start, end, text })
  if (ts.isBinaryExpression(node) || ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) {
    const isPostfix = ts.isPostfixUnaryExpression(node)
    const token = ts.isBinaryExpression(node) ? node.operatorToken.getText() : ts.tokenToString(node.operator)
    const start = ts.isBinaryExpression(node)
      ? node.operatorToken.getStart()
      : isPostfix
        ? node.end - token.length
        : node.getStart()
    const isSign = ts.isPrefixUnaryExpression(node) && token.length === 1
    const other = isSign ? undefined : OTHER.get(token)
    if (other !== undefined) yield put(other[0], start, start + token.length, other[1])
  }
  if (node.kind === SyntaxKind.TrueKeyword) yield put('boolean', node.getStart(), node.end, 'false')
  if (node.kind === SyntaxKind.FalseKeyword) yield put('boolean', node.getStart(), node.end, 'true')
  if (ts.isNumericLiteral(node)) {
    const value = Number(node.text)
    yield put('number', node.getStart(), node.end, String(value + 1))
    if (value > 0) yield put('number', node.getStart(), node.end, String(value - 1))
  }
  if (ts.isExpressionStatement(node)) {
    const { expression } = node
    const called =
      ts.isAwaitExpression(expression) || ts.isVoidExpression(expression) ? expression.expression : expression
    const isSuper = ts.isCallExpression(called) && called.expression.kind === SyntaxKind.SuperKeyword
    // So also what goes over several lines is left out by a change of one.
    if (ts.isCallExpression(called) && !isSuper) yield put('call', node.getStart(), node.getStart(), 'if (false) ')
  }
  if (ts.isFunctionLike(node) && isVoid(node))
    for (const { pos, end } of node.body.statements.map(each => ({ pos: each.getStart(), end: each.getStart() })))
      yield put('return', pos, end, 'return; ')
  const isSymmetric = ts.isCallExpression(node) && /^Math\.(min|max|imul)$/.test(node.expression.getText())
  if (!isSymmetric && (ts.isCallExpression(node) || ts.isNewExpression(node))) {
    const given = node.arguments ?? []
    for (let at = 0; at + 1 < given.length; at++) {
      const [a, b] = [given[at], given[at + 1]]
      if (ts.isSpreadElement(a) || ts.isSpreadElement(b) || a.getText() === b.getText()) continue
      yield put('arguments', a.getStart(), b.end, `${b.getText()}, ${a.getText()}`)
    }
  }
  if (ts.isAwaitExpression(node)) yield put('await', node.getStart(), node.expression.getStart(), '')
  const condition = conditionOf(node)
  if (condition !== undefined) {
    const isNot = ts.isPrefixUnaryExpression(condition) && condition.operator === SyntaxKind.ExclamationToken
    const text = isNot ? condition.operand.getText() : `!(${condition.getText()})`
    yield put('condition', condition.getStart(), condition.end, text)
  }
}

/**
 * All faults that can be planted in a source: `operator`, `line` (from 1), `before`, the line as it is, `after`, as it
 * would be, and `nth`: how many lines before it are the same.
 */
export function faultsIn(path, text) {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const lines = text.split('\n')
  const starts = file.getLineStarts()
  const found = []
  const visit = node => {
    if (isLeftOut(node)) return
    for (const { operator, start, end, text } of changes(node)) {
      const { line } = file.getLineAndCharacterOfPosition(start)
      if (line !== file.getLineAndCharacterOfPosition(end).line || text.includes('\n')) continue
      const before = lines[line]
      const at = start - starts[line]
      const after = before.slice(0, at) + text + before.slice(at + end - start)
      const nth = lines.slice(0, line).filter(each => each === before).length
      found.push({ line: line + 1, operator, before, after, nth })
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}

/** The source with a fault in it; null: that line is not there (any more). */
export function plant(text, { before, after, nth }) {
  const lines = text.split('\n')
  let seen = -1
  const at = lines.findIndex(each => each === before && ++seen === nth)
  return at === -1 ? null : lines.with(at, after).join('\n')
}
