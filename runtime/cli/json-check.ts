/**
 * Whether bytes are JSON, told without making a value of them.
 *
 * Any thread. Leaf module without state. It follows the grammar of RFC 8259 byte by byte. Whether text is UTF-8 is not looked at:
 * whoever asks knows that it is.
 * Bound: values up to DEPTH_MAX inside each other. Of deeper ones it says no, as of what is no JSON, and `JSON.parse` has to say.
 */
const DEPTH_MAX = 28

const QUOTE = 0x22
const PLUS = 0x2b
const COMMA = 0x2c
const MINUS = 0x2d
const POINT = 0x2e
const ZERO = 0x30
const NINE = 0x39
const COLON = 0x3a
const OPEN_BRACKET = 0x5b
const BACKSLASH = 0x5c
const CLOSE_BRACKET = 0x5d
const LETTER_E = 0x65
const LETTER_U = 0x75
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/** What may stand behind a backslash, but for `u` and its four digits. */
const ESCAPED: ReadonlySet<number> = new Set(Buffer.from('"\\/bfnrt'))
const TRUE: Uint8Array = Buffer.from('true')
const FALSE: Uint8Array = Buffer.from('false')
const NULL: Uint8Array = Buffer.from('null')

/** 1: the byte stands in a string as it is. What is beyond the end of all bytes is no byte. */
const PLAIN: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte !== QUOTE && byte !== BACKSLASH ? 1 : 0,
)

/** In place of where a part ends: it is none. */
const NONE = -1

/** True: the bytes from `start` up to `end` are JSON. False: they may be. */
export function isKnownJson(bytes: Uint8Array, start: number, end: number): boolean {
  // What is read beyond `end` brings `at` beyond it, and then it never is there again.
  let at = start
  // A 1, and for each object or array that is open a bit: 1 for an object.
  let open = 1
  for (;;) {
    at = pastSpace(bytes, at)
    const byte = bytes[at] as number
    if (byte === QUOTE) at = pastString(bytes, at + 1)
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      const isObject = byte === OPEN_BRACE
      at = pastSpace(bytes, at + 1)
      if (bytes[at] === (isObject ? CLOSE_BRACE : CLOSE_BRACKET)) at++
      else {
        if (open >= 1 << DEPTH_MAX) return false
        open = (open << 1) | (isObject ? 1 : 0)
        if (isObject) at = pastKey(bytes, at)
        if (at === NONE) return false
        continue
      }
    } else at = byte === MINUS || isDigit(byte) ? pastNumber(bytes, at) : pastWord(bytes, at)
    if (at === NONE) return false
    // A value ends here, and with it perhaps those that it is in.
    for (;;) {
      // The end of the line may be space as well: it is not looked past.
      if (open === 1 && at === end) return true
      at = pastSpace(bytes, at)
      if (open === 1) return at === end
      const isObject = (open & 1) === 1
      const next = bytes[at++]
      if (next === COMMA) {
        if (isObject) at = pastKey(bytes, at)
        if (at === NONE) return false
        break
      }
      if (next !== (isObject ? CLOSE_BRACE : CLOSE_BRACKET)) return false
      open >>= 1
    }
  }
}

/** A key and its colon. */
function pastKey(bytes: Uint8Array, start: number): number {
  const quote = pastSpace(bytes, start)
  if (bytes[quote] !== QUOTE) return NONE
  const end = pastString(bytes, quote + 1)
  if (end === NONE) return NONE
  const at = pastSpace(bytes, end)
  return bytes[at] === COLON ? at + 1 : NONE
}

/** `start`: behind the quotation mark. */
function pastString(bytes: Uint8Array, start: number): number {
  let at = start
  for (;;) {
    let byte = bytes[at] as number
    while (PLAIN[byte] === 1) byte = bytes[++at] as number
    if (byte === QUOTE) return at + 1
    if (byte !== BACKSLASH) return NONE
    if (ESCAPED.has(bytes[at + 1] as number)) at += 2
    else if (bytes[at + 1] === LETTER_U && areHex(bytes, at + 2)) at += 6
    else return NONE
  }
}

/** Lines have no line feed in them. */
function pastSpace(bytes: Uint8Array, start: number): number {
  let at = start
  let byte = bytes[at]
  while (byte === 0x20 || byte === 0x09 || byte === 0x0d) byte = bytes[++at]
  return at
}

function pastNumber(bytes: Uint8Array, start: number): number {
  let at = bytes[start] === MINUS ? start + 1 : start
  at = bytes[at] === ZERO ? at + 1 : pastDigits(bytes, at)
  if (at !== NONE && bytes[at] === POINT) at = pastDigits(bytes, at + 1)
  if (at === NONE || ((bytes[at] as number) | 0x20) !== LETTER_E) return at
  const sign = bytes[at + 1]
  return pastDigits(bytes, sign === PLUS || sign === MINUS ? at + 2 : at + 1)
}

/** At least one. */
function pastDigits(bytes: Uint8Array, start: number): number {
  let at = start
  while (isDigit(bytes[at] as number)) at++
  return at === start ? NONE : at
}

function pastWord(bytes: Uint8Array, start: number): number {
  const first = bytes[start]
  const word = first === TRUE[0] ? TRUE : first === FALSE[0] ? FALSE : NULL
  for (let index = 0; index < word.length; index++) if (bytes[start + index] !== word[index]) return NONE
  return start + word.length
}

function areHex(bytes: Uint8Array, start: number): boolean {
  for (let at = start; at < start + 4; at++) {
    const byte = bytes[at] as number
    const letter = byte | 0x20
    if (!(isDigit(byte) || (letter >= 0x61 && letter <= 0x66))) return false
  }
  return true
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE
}
