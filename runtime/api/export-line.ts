/**
 * A dead letter as one line of JSON, and back, without a loss.
 *
 * Any thread. `value` is for people, where it decodes; the bytes in base64 decide.
 */

import type { DeadLetter } from '../words/dead-letter.ts'
import { MillraceError } from '../words/errors.ts'
import type { CodecName, Headers } from '../words/message.ts'
import { StoredLetter } from './stored-letter.ts'

/** A reader refuses formats that it does not know. */
const FORMAT = 1
const CODECS: readonly unknown[] = ['json', 'bytes', 'string'] satisfies readonly CodecName[]

type HeaderText = string | { readonly base64: string }

interface Line {
  readonly millrace: number
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly group: string
  readonly reason: string
  readonly failedAttempts: number
  readonly firstFailure: string
  readonly lastFailure: string
  readonly error: unknown
  readonly replayed: number
  readonly timestamp: number
  readonly codec: CodecName
  readonly key: string | null
  /** Bytes of a key that was published as bytes; `key` is then the same as text. */
  readonly keyBase64?: string
  readonly value?: unknown
  readonly valueBase64: string | null
  readonly headers: { readonly [name: string]: HeaderText }
  readonly letter: { readonly topic: string; readonly partition: number; readonly offset: number }
}

/** The line, with its line end. */
export function exportLine(letter: StoredLetter): string {
  const { topic, partition, offset, group, reason, failedAttempts, error, replayed, timestamp, key } = letter
  const { keyBytes, keyIsBytes, valueBytes, allHeaders, codec } = letter
  const line: Line = {
    millrace: FORMAT,
    topic,
    partition,
    offset,
    group,
    reason,
    failedAttempts,
    firstFailure: new Date(letter.firstFailureMs).toISOString(),
    lastFailure: new Date(letter.lastFailureMs).toISOString(),
    error,
    replayed,
    timestamp,
    codec: codec.name,
    key,
    ...(keyIsBytes && keyBytes !== null && { keyBase64: base64(keyBytes) }),
    ...readable(letter),
    valueBase64: valueBytes === null ? null : base64(valueBytes),
    headers: Object.fromEntries(
      Object.entries(allHeaders).map(([name, value]) => [
        name,
        typeof value === 'string' ? value : { base64: base64(value) },
      ]),
    ),
    letter: letter.letter,
  }
  return `${JSON.stringify(line)}\n`
}

function readable(letter: StoredLetter): { readonly value?: unknown } {
  if (letter.codec.name === 'bytes') return {}
  try {
    return { value: letter.value }
  } catch {
    return {}
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')
}

function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'))
}

/**
 * Reads a line of `export`. The letter can be read like one that was browsed, and given to `replay` or `purge` of the
 * broker that it came from.
 *
 * @throws MillraceError MILL_DECODE when the line is no exported dead letter
 * @example
 * for await (const line of createInterface({ input: createReadStream('letters.ndjson') })) {
 *   const { key, value, error } = parseDeadLetter(line)
 * }
 */
export function parseDeadLetter<V = unknown>(line: string): DeadLetter<V> {
  let read: Partial<Line>
  try {
    read = JSON.parse(line) as Partial<Line>
  } catch (cause) {
    throw corrupt('it is not JSON', cause)
  }
  if (typeof read !== 'object' || read === null || read.millrace === undefined) throw corrupt('it is something else')
  if (read.millrace !== FORMAT) throw corrupt(`its format is ${String(read.millrace)}, and ${FORMAT} is known here`)
  const { codec, key, keyBase64, valueBase64, headers, letter, timestamp } = read
  if (!CODECS.includes(codec) || typeof headers !== 'object' || headers === null || typeof letter !== 'object')
    throw corrupt('parts of it are missing')
  const all: Record<string, string | Uint8Array> = Object.create(null)
  for (const [name, value] of Object.entries(headers))
    all[name] = typeof value === 'string' ? value : bytes(value.base64)
  const keyBytes = keyBase64 !== undefined ? bytes(keyBase64) : key == null ? null : new Uint8Array(Buffer.from(key))
  const valueBytes = valueBase64 == null ? null : bytes(valueBase64)
  const record = { timestamp: Number(timestamp), keyBytes, valueBytes, headers: all as Headers }
  return new StoredLetter<V>(record, codec as CodecName, letter as Line['letter'], keyBase64 !== undefined, -1)
}

function corrupt(why: string, cause?: unknown): MillraceError {
  return new MillraceError('MILL_DECODE', `the line is no exported dead letter: ${why}`, { cause })
}
