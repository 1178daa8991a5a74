/**
 * The part of a queue's change that says how far producers with numbers are (settled-format.ts has the drawing).
 *
 * Leaf, any thread. Pure. Bound: NUMBER_BYTES_MAX of each.
 */
import type { SettledNumber } from './settled-change.ts'
import type { ByteReader, ByteWriter } from './varint.ts'

export const NUMBER_BYTES_MAX = 24
const LAST_MAX = 0xffff_ffff

export function writeNumbers(writer: ByteWriter, numbers: readonly SettledNumber[]): void {
  writer.number(numbers.length)
  for (const { producer, last, end } of numbers) for (const number of [producer, last, end]) writer.number(number)
}

/** Null: they cannot be. */
export function readNumbers(reader: ByteReader): SettledNumber[] | null {
  const numbers: SettledNumber[] = []
  for (let left = reader.number(); left > 0 && !reader.isBroken; left--) {
    const number = { producer: reader.number(), last: reader.number(), end: reader.number() }
    if (number.last > LAST_MAX) return null
    numbers.push(number)
  }
  return numbers
}
