import fc from 'fast-check'
import t from 'tap'
import { anyText, hostileText, units } from '../proof/fixtures/text.fixture.ts'
import { LINE_CHARS_MAX, printable, printableLine } from './printable.ts'

/** Written differently from what is tested: by code point. */
function isUnprintable(character: string): boolean {
  const code = character.codePointAt(0) as number
  const among = (from: number, to: number): boolean => code >= from && code <= to
  return (
    among(0, 0x1f) ||
    among(0x7f, 0x9f) ||
    among(0xd800, 0xdfff) ||
    among(0x200e, 0x200f) ||
    among(0x2028, 0x202e) ||
    among(0x2066, 0x2069) ||
    code === 0x61c ||
    code === 0xfeff
  )
}

t.test('all that is unprintable is escaped, and nothing else', async t => {
  for (let code = 0; code < 0x11000; code++) {
    const character = String.fromCodePoint(code)
    const shown = printable(`a${character}b`)
    if (!isUnprintable(character)) {
      if (shown !== `a${character}b`) t.fail(`${code.toString(16)} became ${units(shown)}`)
    } else if ([...shown].some(isUnprintable) || JSON.parse(`"${shown}"`) !== `a${character}b`)
      t.fail(`${code.toString(16)} is shown as ${units(shown)}`)
  }
  t.equal(printable('\u001b]0;x\u0007\n\r\t\u202e'), '\\u001b]0;x\\u0007\\n\\r\\t\\u202e')
  t.equal(printable('é 日本 👍 C:\\temp'), 'é 日本 👍 C:\\temp')
})

t.test('JSON that was made printable is the same JSON', async t => {
  fc.assert(
    fc.property(fc.oneof(anyText(), hostileText()), text => {
      const json = JSON.stringify({ [text]: [text] })
      t.strictSame(JSON.parse(printable(json)), JSON.parse(json))
    }),
  )
  t.pass()
})

t.test('a line has a bound, and is the same when it is made again', async t => {
  fc.assert(
    fc.property(fc.oneof(anyText({ maxLength: 60 }), hostileText()), fc.integer({ min: 30, max: 50 }), (text, max) => {
      const line = printableLine(text, max)
      if (line.length > max) t.fail(`${line.length} characters instead of ${max}`)
      if ([...line].some(isUnprintable)) t.fail(`not printable: ${units(line)}`)
      if (printableLine(line, max) !== line) t.fail(`changed when made again: ${units(line)}`)
      if (printable(text).length <= max) t.equal(line, printable(text))
      else t.match(line, new RegExp(`\\.\\.\\. \\(${text.length} characters\\)$`))
    }),
  )
  t.equal(printableLine('x'.repeat(LINE_CHARS_MAX)), 'x'.repeat(LINE_CHARS_MAX))
  t.match(printableLine('x'.repeat(LINE_CHARS_MAX + 1)), /^x{975,}\.\.\. \(1001 characters\)$/)
})

t.test('a cut goes through no character and no escape', async t => {
  const cut = (text: string): string => printableLine(text, 30).replace(/\.\.\. .*/, '')
  for (let ahead = 0; ahead < 14; ahead++) {
    t.match(cut(`${'a'.repeat(ahead)}${'\u001b'.repeat(40)}`), /^a*(?:\\u001b)*$/)
    t.match(cut(`${'a'.repeat(ahead)}${'👍'.repeat(40)}`), /^a*(?:👍)*$/u)
  }
})
