/**
 * What a binding is by, as text, and back: the name under which the catalog keeps it, and by which two bindings are one.
 *
 * Any thread. Pure. A key or pattern is `k` and itself. A match is `h` and JSON, with its headers in the order of their names,
 * for the order in which a user names them means nothing. Bytes are in base64.
 *
 * ```
 * korders.*.eu
 * h["all",[["format","pdf"],["size",null],["tag",["AAE="]]]]      null: the header is there, with any value
 * ```
 */
import type { BoundBy } from '../wire/route-changes.ts'
import type { HeaderMatch } from '../words/exchange.ts'

type ValueText = string | null | readonly [base64: string]

export function byText(by: BoundBy): string {
  if (typeof by === 'string') return `k${by}`
  const conditions = Object.keys(by.headers)
    .sort()
    .map(name => [name, valueText(by.headers[name] as string | Uint8Array | null)])
  return `h${JSON.stringify([by.match, conditions])}`
}

/** Of what `byText` made. */
export function byOf(text: string): BoundBy {
  if (text.startsWith('k')) return text.slice(1)
  const [match, conditions] = JSON.parse(text.slice(1)) as [HeaderMatch['match'], [string, ValueText][]]
  return { match, headers: Object.fromEntries(conditions.map(([name, value]) => [name, readValue(value)])) }
}

function valueText(value: string | Uint8Array | null): ValueText {
  return value === null || typeof value === 'string' ? value : [Buffer.from(value).toString('base64')]
}

function readValue(text: ValueText): string | Uint8Array | null {
  return text === null || typeof text === 'string' ? text : new Uint8Array(Buffer.from(text[0], 'base64'))
}
