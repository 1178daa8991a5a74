/**
 * Texts of JSON by families, each of which looks alike as the values of a topic do, and damaged ones. Any thread.
 */
import type { Chance } from '../proof/sim/chance.ts'

type Make = () => unknown

const NAMES = [
  ...['', 'a', 'id', 'b7', 'name', 'total', 'status', 'customer', 'customerId', 'quantityOfLines', 'x'.repeat(40)],
  ...['__proto__', 'constructor', 'toString', 'toJSON', '0', '17', '-1', '1.5', 'é', '東京', '😀', '\ud800', '\u007f'],
  ...['a"b', 'a\\b', 'a\nb', 'length', 'ordered\u007f', '"', 'sku', 'skus', 'sku ', 'Sku'],
]
const TEXTS = [
  ...[
    '',
    'a',
    'paid',
    'exactly12345',
    'thirteen-long',
    'a rather long text of more than sixty characters, as notes are',
  ],
  ...[
    'é',
    'Zürich',
    '東京都',
    '😀',
    'a"b',
    'a\\',
    '\\u0041',
    '\n',
    '\u0000',
    '\u001f',
    '\u007f',
    '\u0080',
    '\u2028',
    '\ufffd',
  ],
  ...['\ud800', '{"a":1}', '"}', ',"id":', '\ufeff', 'x'.repeat(300)],
]
const NUMBERS = [
  ...[0, -0, 1, -1, 7, 10, 0.1, 19.99, -0.5, 1e21, 1e-7, 5e-324, 1.7976931348623157e308, 2 ** 53, 2 ** 53 + 2, 1e15],
  ...[999_999_999_999_999, 9_007_199_254_740_991, 123456.789, 0.1 + 0.2, 1 / 3, 1.5e300, 4.35, 1e22, 1e23, 0.000001],
]

/** Values that look alike. */
export function family(chance: Chance): Make {
  return madeOf(chance, chance.happens(0.05) ? 12 : 1 + chance.below(4))
}

function madeOf(chance: Chance, depth: number): Make {
  const kind = depth === 0 ? 4 + chance.below(6) : chance.below(10)
  if (kind < 3) return objectOf(chance, depth)
  if (kind === 3) return arrayOf(chance, depth)
  if (kind < 6) return () => numberOf(chance)
  if (kind < 8) return () => (chance.happens(0.3) ? chance.pick(TEXTS) : `text-${chance.below(10_000)}`)
  if (kind === 8) return () => chance.pick([true, false, null])
  const kinds = [1, 2].map(() => madeOf(chance, Math.max(0, depth - 1)))
  return () => chance.pick(kinds)()
}

function objectOf(chance: Chance, depth: number): Make {
  const keys = Array.from({ length: chance.below(7) }, () => ({
    name: chance.pick(NAMES),
    value: madeOf(chance, depth - 1),
    often: chance.happens(0.8) ? 1 : 0.5,
  }))
  return () => {
    const entries = keys.filter(({ often }) => chance.happens(often)).map(({ name, value }) => [name, value()] as const)
    if (chance.happens(0.02)) entries.reverse()
    return Object.fromEntries(entries)
  }
}

function arrayOf(chance: Chance, depth: number): Make {
  const item = madeOf(chance, depth - 1)
  return () => Array.from({ length: chance.below(4) }, item)
}

function numberOf(chance: Chance): number {
  if (chance.happens(0.4)) return chance.below(100_000)
  if (chance.happens(0.4)) return chance.below(1_000_000) / 100
  return chance.happens(0.5) ? chance.pick(NUMBERS) : Math.sin(chance.below(1_000_000)) * 10 ** (chance.below(40) - 20)
}

const PIECES = [
  ...[
    '"',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '\\',
    '\\u0041',
    '\\ud800',
    '\\x',
    'e',
    'E5',
    '+',
    '-',
    '.',
    '0',
    '00',
    '1',
    ' ',
    '\n',
  ],
  ...[
    '\u0000',
    '\u001f',
    '\u007f',
    'true',
    'false',
    'null',
    'tru',
    'nul',
    '-0',
    '1e5',
    '1E+2',
    '.5',
    '"id":1',
    ',"a":2',
  ],
].map(piece => Buffer.from(piece))
/** What is no UTF-8. */
const BROKEN = [[0x80], [0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0xaf]].map(bytes => Buffer.from(bytes))

/** The same with one to three places changed. */
export function damaged(chance: Chance, bytes: Buffer): Buffer {
  let now = bytes
  for (let times = 1 + chance.below(3); times > 0; times--) now = damagedOnce(chance, now)
  return now
}

function damagedOnce(chance: Chance, bytes: Buffer): Buffer {
  const at = chance.below(bytes.length + 1)
  const end = Math.min(bytes.length, at + 1 + chance.below(6))
  const [before, cut, after] = [bytes.subarray(0, at), bytes.subarray(at, end), bytes.subarray(end)]
  switch (chance.below(6)) {
    case 0:
      return before
    case 1:
      return Buffer.concat([before, after])
    case 2:
      return Buffer.concat([before, cut, cut, after])
    case 3:
      return Buffer.concat([before, chance.happens(0.2) ? chance.pick(BROKEN) : chance.pick(PIECES), cut, after])
    case 4:
      return Buffer.concat([before, chance.pick(PIECES), after])
  }
  const flipped = Buffer.from(bytes)
  if (at < bytes.length) flipped[at] = (flipped[at] as number) ^ (1 << chance.below(8))
  return flipped
}
