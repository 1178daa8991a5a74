/**
 * Text that others wrote (records, errors, names), made fit for a line that people read: it cannot end the line, steer a
 * terminal, or turn the order of what is read. Everything of ours that prints uses this.
 *
 * Leaf, any thread. Escaped as in JSON are control characters (C0, DEL, C1), line and paragraph separators, direction marks,
 * the byte order mark and lone surrogates; all else stays, whatever its script. Text of JSON means the same afterwards.
 * Bound: a line has at most LINE_CHARS_MAX characters (UTF-16 units), with what says how many there were. Text that was made
 * printable before is not changed.
 */
export const LINE_CHARS_MAX = 1_000

/** With the `u` flag a surrogate matches only where it is alone. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu
/** What cutting may leave of an escape, or of a character that has two units. */
const CUT_OPEN = /(?:\\(?:u[0-9a-f]{0,3})?|[\ud800-\udbff])$/

const SHORT: { readonly [character: string]: string } = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** The same text on one line, with escapes. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, unit => SHORT[unit] ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** The same for a line of a log or a terminal, at most `charsMax` long. */
export function printableLine(text: string, charsMax: number = LINE_CHARS_MAX): string {
  // An escape is longer than what it stands for: no more than this can be shown.
  const shown = printable(text.slice(0, charsMax + 1))
  if (text.length <= charsMax && shown.length <= charsMax) return shown
  const length = `... (${text.length} characters)`
  return shown.slice(0, Math.max(0, charsMax - length.length)).replace(CUT_OPEN, '') + length
}
