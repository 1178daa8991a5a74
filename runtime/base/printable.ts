/**
 * Makes foreign text (records, errors, names) fit for a line that people read. The text cannot end the line, control a
 * terminal, or change the reading order. All code of the broker that prints uses this.
 *
 * Leaf, any thread. Control characters (C0, DEL, C1), line and paragraph separators, direction marks, the byte order
 * mark and lone surrogates are escaped as in JSON. All other characters stay, in every script. JSON text keeps its
 * meaning. Printable text is not changed again. Bound: a line has at most LINE_CHARS_MAX characters (UTF-16 units), and
 * a cut line names the original number.
 */
export const LINE_CHARS_MAX = 1_000

/** With the `u` flag a surrogate matches only where it is alone. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu
/** The rest of an escape, or of a character of two units, after a cut. */
const CUT_OPEN = /(?:\\(?:u[0-9a-f]{0,3})?|[\ud800-\udbff])$/

const SHORT: { readonly [character: string]: string } = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** The same text on one line, with escapes. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, unit => SHORT[unit] ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** The same for a line of a log or a terminal, at most `charsMax` long. */
export function printableLine(text: string, charsMax: number = LINE_CHARS_MAX): string {
  // An escape is longer than its character: no more than this can be shown.
  const shown = printable(text.slice(0, charsMax + 1))
  if (text.length <= charsMax && shown.length <= charsMax) return shown
  const length = `... (${text.length} characters)`
  return shown.slice(0, Math.max(0, charsMax - length.length)).replace(CUT_OPEN, '') + length
}
