/**
 * The meaning of one input line: a record, a broken line with its reason, or nothing (a blank line).
 */
import type { Codec } from '../words/codec.ts'
import { JsonBytes } from '../words/json-bytes.ts'
import type { Message } from '../words/message.ts'
import { isKnownJson } from './json-check.ts'
import { lineHeader } from './line-header.ts'
import { head, type Line, type LineBytes, RAW_BYTES_MAX } from './line-splitter.ts'

/**
 * A longer line is written anew by the topic. It might be nested more deeply than can be written, and would find that out
 * as a dead letter.
 */
const AS_BYTES_MAX = 4_096

export interface LineRecord {
  readonly line: number
  /** The line itself. */
  readonly read: LineBytes
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
  /** Reads lines, and learns what they look like. */
  readonly codec: Codec
  readonly keyPath: readonly string[] | undefined
  /** Null: there are none, for the lines go to a queue. */
  readonly partitions: number | null
}

export function parseLine(
  read: Line,
  line: number,
  { codec, keyPath, partitions }: ParseOptions,
): LineRecord | BrokenLine | undefined {
  if ('reason' in read) return { line, ...read }
  const { block, start, end } = read
  const isShort = end - start < AS_BYTES_MAX
  // Without keys it need not be read for its own sake.
  const isKnown = isShort && keyPath === undefined && isKnownJson(block, start, end)
  let parsed: unknown
  try {
    if (!isKnown) parsed = codec.decode(block, start, end)
  } catch {
    // Now in words: what has no JSON is nothing, and the rest is told as JSON.parse does.
    return isBlank(textOf(read)) ? undefined : brokenLine(textOf(read), line, 'decode', whyNot(textOf(read)))
  }
  // What was read is JSON: it need not be written again.
  const value = isShort ? new JsonBytes(new Uint8Array(block.buffer, block.byteOffset + start, end - start)) : parsed
  const headers = lineHeader(line)
  // Nothing needs an order then: the lines go round the partitions, so that all threads have work.
  if (keyPath === undefined) {
    const message = partitions === null ? { value, headers } : { value, headers, partition: line % partitions }
    return { line, read, message }
  }
  const key = fieldAt(parsed, keyPath)
  if (typeof key === 'string' || typeof key === 'number')
    return { line, read, message: { key: String(key), value, headers } }
  const found =
    key === undefined ? 'missing' : key === null ? 'null' : Array.isArray(key) ? 'an array' : `of type ${typeof key}`
  return brokenLine(textOf(read), line, 'key', `${keyPath.join('.')} is ${found}`)
}

export function brokenLine(text: string, line: number, reason: BrokenLine['reason'], error: string): BrokenLine {
  return { line, reason, error, raw: text.length * 3 <= RAW_BYTES_MAX ? text : head(Buffer.from(text)) }
}

/** Asked only of a line that is no record. */
export function textOf({ block, start, end }: LineBytes): string {
  return block.toString('utf8', start, end)
}

function isBlank(text: string): boolean {
  return text.trim() === ''
}

function whyNot(text: string): string {
  try {
    JSON.parse(text)
    return 'it is not JSON'
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
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
