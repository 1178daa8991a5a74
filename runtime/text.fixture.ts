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

/** Text of which most does harm on a terminal or in a log, lone surrogates too. */
export function hostileText(): Arbitrary<string> {
  const harm = [
    '\u001b[2J',
    '\u001b]0;x\u0007',
    '\n',
    '\r',
    '\u0085',
    '\u009b31m',
    '\u007f',
    '\u2028',
    '\u202e',
    '\ufeff',
  ]
  return fc.string({
    unit: fc.oneof(character, fc.constantFrom(...harm, '\ud800', '\udc00', '\\', '\u2066', '\u200f')),
  })
}

/** Text in ASCII for the name of an assertion: a line separator in one, for instance, makes tap lose the whole test. */
export function units(text: string): string {
  return text.replace(/[^ -~]/g, unit => `<${unit.charCodeAt(0).toString(16)}>`)
}
