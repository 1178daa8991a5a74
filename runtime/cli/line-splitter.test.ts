import fc from 'fast-check'
import t from 'tap'
import { anyText } from '../proof/fixtures/text.fixture.ts'
import { head, type Line, LineSplitter, RAW_BYTES_MAX, type UnreadableLine } from './line-splitter.ts'

function textOf(line: Line): string | UnreadableLine {
  return 'reason' in line ? line : line.block.toString('utf8', line.start, line.end)
}

function split(bytes: Uint8Array, cuts: readonly number[], lineBytesMax = 1 << 20): (string | UnreadableLine)[] {
  const splitter = new LineSplitter(lineBytesMax)
  const lines: (string | UnreadableLine)[] = []
  const at = [...new Set(cuts.map(cut => cut % (bytes.length + 1)))].sort((a, b) => a - b)
  let from = 0
  for (const end of [...at, bytes.length]) {
    // One buffer for all chunks, overwritten each time: the splitter must not hold on to it.
    const chunk = Uint8Array.prototype.slice.call(bytes, from, end)
    lines.push(...splitter.push(chunk).map(textOf))
    chunk.fill(0x58)
    from = end
  }
  return [...lines, ...splitter.end().map(textOf)]
}

const TEXT = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: anyText({ maxLength: 12 }) },
      fc.constantFrom('\n', '\r\n', '\r', '', 'é', '𝄞', '\ufffd'),
    ),
    { maxLength: 40 },
  )
  .map(parts => parts.join(''))
const CUTS = fc.array(fc.nat(2_000), { maxLength: 20 })

t.test('gives the lines of split, however the bytes are cut', async () => {
  fc.assert(
    fc.property(TEXT, CUTS, (text, cuts) => {
      // What Buffer makes of the text is what a file can hold: no lone surrogates.
      const bytes = Buffer.from(text)
      const expected = bytes
        .toString()
        .replace(/^\ufeff/, '')
        .split('\n')
        .map(line => line.replace(/\r$/, ''))
      if (bytes.length === 0 || bytes.at(-1) === 0x0a) expected.pop()
      return JSON.stringify(split(bytes, cuts)) === JSON.stringify(expected)
    }),
    { numRuns: 2_000 },
  )
})

t.test('a line that is too long costs itself only, and its beginning is kept', async t => {
  fc.assert(
    fc.property(CUTS, fc.integer({ min: 9, max: 200 }), (cuts, length) => {
      const lines = split(Buffer.from(`12345678\n${'é'.repeat(length)}\nlast`), cuts, 8)
      return (
        lines.length === 3 &&
        lines[0] === '12345678' &&
        lines[2] === 'last' &&
        typeof lines[1] === 'object' &&
        lines[1].reason === 'too-large'
      )
    }),
  )
  t.match(split(Buffer.from('x'.repeat(100_000)), [10, 70_000], 99_999), [
    { reason: 'too-large', error: '100000 bytes, more than 99999', raw: 'x'.repeat(RAW_BYTES_MAX) },
  ])
})

t.test('a line that is not UTF-8 costs itself only', async t => {
  const bytes = Buffer.concat([
    Buffer.from('{"é":1}\n'),
    Buffer.from([0x22, 0xff, 0x22, 0x0a]),
    Buffer.from('"\ufffd"\r\nlast'),
  ])
  fc.assert(
    fc.property(CUTS, cuts => {
      const [first, broken, third, last] = split(bytes, cuts)
      return (
        first === '{"é":1}' &&
        typeof broken === 'object' &&
        broken.reason === 'decode' &&
        third === '"\ufffd"' &&
        last === 'last'
      )
    }),
  )
  t.equal(split(bytes, []).length, 4)
})

t.test('nothing gives no line, one line feed gives an empty one', async t => {
  t.same(split(Buffer.alloc(0), []), [])
  t.same(split(Buffer.from('\n'), []), [''])
  t.same(split(Buffer.from('\n\n'), [1]), ['', ''])
})

t.test('a head is cut between characters', async t => {
  const text = head(Buffer.from(`x${'é'.repeat(RAW_BYTES_MAX)}`))
  t.equal(text, `x${'é'.repeat((RAW_BYTES_MAX - 2) / 2)}`)
})
