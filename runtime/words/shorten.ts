/** Text of bounded length. Leaf, any thread; pure. */
const ELLIPSIS = '…'
const ELLIPSIS_BYTES = 3

/** The longest start of `text` that fits in `bytesMax` bytes of UTF-8, between characters. */
export function shorten(text: string, bytesMax: number): string {
  if (text.length * 3 <= bytesMax) return text
  if (text.length <= bytesMax && Buffer.byteLength(text) <= bytesMax) return text
  const { read: charsRead } = new TextEncoder().encodeInto(
    text.slice(0, bytesMax),
    new Uint8Array(bytesMax - ELLIPSIS_BYTES),
  )
  return text.slice(0, charsRead) + ELLIPSIS
}
