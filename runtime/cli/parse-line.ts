/**
 * The meaning of one input line: a record, a broken line with its reason, or nothing (a blank line).
 */
import type { Message } from '../words/message.ts'
import { head, type Line, RAW_BYTES_MAX } from './line-splitter.ts'

/** The header that carries the number of the source line, from 1, through topics. */
export const LINE_HEADER = 'line'

export interface LineRecord {
  readonly line: number
  readonly text: string
  readonly message: Message
}

/** A line that never became a record. */
export interface BrokenLine {
  readonly line: number
  readonly reason: 'decode' | 'key' | 'too-large'
  readonly error: string
  /** The line's first 64 KiB. */
  readonly raw: string
}

export interface ParseOptions {
  readonly keyPath: readonly string[] | undefined
  /** Null: there are none, for the lines go to a queue. */
  readonly partitions: number | null
}

export function parseLine(
  text: Line,
  line: number,
  { keyPath, partitions }: ParseOptions,
): LineRecord | BrokenLine | undefined {
  if (typeof text !== 'string') return { line, ...text }
  if (text.trim() === '') return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return brokenLine(text, line, 'decode', error instanceof Error ? error.message : String(error))
  }
  const headers = { [LINE_HEADER]: String(line) }
  // Without keys nothing needs an order: the lines go round the partitions, so that all threads have work.
  if (keyPath === undefined) {
    const place = partitions === null ? {} : { partition: line % partitions }
    return { line, text, message: { value, headers, ...place } }
  }
  const key = fieldAt(value, keyPath)
  if (typeof key === 'string' || typeof key === 'number')
    return { line, text, message: { key: String(key), value, headers } }
  const found =
    key === undefined ? 'missing' : key === null ? 'null' : Array.isArray(key) ? 'an array' : `of type ${typeof key}`
  return brokenLine(text, line, 'key', `${keyPath.join('.')} is ${found}`)
}

export function brokenLine(text: string, line: number, reason: BrokenLine['reason'], error: string): BrokenLine {
  return { line, reason, error, raw: text.length * 3 <= RAW_BYTES_MAX ? text : head(Buffer.from(text)) }
}

/** Own fields only: `constructor.name` is not a key of every line. */
function fieldAt(value: unknown, path: readonly string[]): unknown {
  let at = value
  for (const name of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined
    at = (at as { readonly [name: string]: unknown })[name]
  }
  return at
}
