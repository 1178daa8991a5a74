/** Where key and value of a fetched record are, as indexes into the buffer of its frame. The consumer's thread; pure. */
import { getU32 } from '../log/format/headers.ts'
import { HAS_HEADERS, HAS_KEY, keyStartOf, valueStartOf } from '../log/format/record.ts'

/** Bytes of frames, and the same as words. */
interface FetchedWords {
  readonly buffer: Buffer
  readonly words: Int32Array
}

export function attributesAt({ words }: FetchedWords, at: number): number {
  return (words[(at >> 2) + 1] as number) >>> 16
}

/** The key of the record at `at`, as text of one character a byte; null: it has none. */
export function keyTextAt(fetched: FetchedWords, at: number): string | null {
  const attributes = attributesAt(fetched, at)
  if ((attributes & HAS_KEY) === 0) return null
  const end = keyEndAt(fetched, at, attributes)
  return fetched.buffer.toString('latin1', end - (fetched.words[(at >> 2) + 3] as number), end)
}

/** End of the key of the record at `at`; where it would be, if it has none. */
export function keyEndAt({ buffer, words }: FetchedWords, at: number, attributes: number): number {
  return keyStartOf(buffer, at, attributes) + (words[(at >> 2) + 3] as number)
}

export function valueStartAt(fetched: FetchedWords, at: number, attributes: number): number {
  const keyEnd = keyEndAt(fetched, at, attributes)
  return valueStartOf((attributes & HAS_HEADERS) === 0 ? keyEnd : headersEndAt(fetched.buffer, keyEnd), attributes)
}

/** End of the headers that begin at `start` with their length. */
export function headersEndAt(bytes: Uint8Array, start: number): number {
  return start + 4 + getU32(bytes, start)
}
