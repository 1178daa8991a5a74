/** Records that the suite publishes, and how it compares them. Pure; any thread. */
import type { DeliveredRecord, EncodedRecord } from '../records.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** 2001-09-09: a time that no clock of an engine says. */
export const THEN_MS = 1_000_000_000_000

export function bytes(text: string): Uint8Array {
  return encoder.encode(text)
}

export function textOf({ value }: Pick<EncodedRecord, 'value'>): string {
  return value === null ? 'null' : decoder.decode(value)
}

export function keyOf({ key }: Pick<EncodedRecord, 'key'>): string {
  return key === null ? 'null' : decoder.decode(key)
}

export function record(
  value: string,
  key: string | null = null,
  given: Partial<Pick<EncodedRecord, 'partition' | 'timestampMs'>> = {},
): EncodedRecord {
  const { partition = null, timestampMs = THEN_MS } = given
  return { key: key === null ? null : bytes(key), value: bytes(value), headers: [], timestampMs, partition }
}

/** So many, whose values are a name and their number. */
export function records(count: number, name = 'value', key: string | null = null): EncodedRecord[] {
  return Array.from({ length: count }, (_, index) => record(`${name}-${index}`, key))
}

/** All that a record says, in a form that is compared by value, whichever kind of array an engine uses. */
export function content({ key, value, headers, timestampMs }: EncodedRecord): unknown {
  const hex = (part: Uint8Array | null): string | null => (part === null ? null : Buffer.from(part).toString('hex'))
  return {
    key: hex(key),
    value: hex(value),
    headers: headers.map(([name, header]) => `${name}=${hex(header)}`).sort(),
    timestampMs,
  }
}

/** Values in an order that does not depend on the way they came. */
export function sorted(values: readonly string[]): string[] {
  return [...values].sort()
}

/** Those of one partition, in the order in which they came. */
export function inPartition(taken: readonly DeliveredRecord[], partition: number): DeliveredRecord[] {
  return taken.filter(each => each.partition === partition)
}
