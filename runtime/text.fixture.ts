/**
 * Any well-formed text, for properties. fast-check's own `unit: 'binary'` makes a map of all 1.1 million code points first,
 * which takes a second and much memory in each process.
 */
import fc, { type Arbitrary } from 'fast-check'

const SURROGATES = { from: 0xd800, count: 0x800 } as const

/** Code points that are one, two, three and four bytes long in UTF-8, each as often as the others. */
const character = fc
  .oneof(
    fc.nat(0x7f),
    fc.integer({ min: 0x80, max: 0x7ff }),
    fc.integer({ min: 0x800, max: 0xffff - SURROGATES.count }),
    fc.integer({ min: 0x10000, max: 0x10ffff }),
  )
  .map(code => (code >= SURROGATES.from && code < 0x10000 ? code + SURROGATES.count : code))
  .map(code => String.fromCodePoint(code))

export function anyText(lengths: { readonly minLength?: number; readonly maxLength?: number } = {}): Arbitrary<string> {
  return fc.string({ unit: character, ...lengths })
}
