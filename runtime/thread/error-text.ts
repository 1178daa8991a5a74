/**
 * An error as JSON that fits into a settlement. Leaf, pure.
 *
 * Errors on the wire are bounded in UTF-8, and JSON may make six bytes of one: of control characters, and of surrogates that
 * stand alone. What does not fit loses its causes first, then the end of its stack, and at last the end of its message.
 */
import type { ErrorWire } from '../errors.ts'

const encoder = new TextEncoder()
const ELLIPSIS = '…'

function cut(text: string, chars: number): string {
  return text.length <= chars ? text : text.slice(0, chars) + ELLIPSIS
}

/** @throws RangeError when `bytesMax` is below 4,096: labels might not fit */
export function errorText(error: ErrorWire, bytesMax: number): Uint8Array {
  if (bytesMax < 4_096) throw new RangeError('an error needs 4,096 bytes')
  const whole = encoder.encode(JSON.stringify(error))
  if (whole.length <= bytesMax) return whole
  const { cause: _cause, stack, ...bare } = error
  // The message may take two thirds of what there is; the stack, which repeats it, what is left.
  const message = fitting(bare.message, (bytesMax * 2) / 3 - 2_048)
  const labels = { ...bare, name: fitting(bare.name, 1_024), message }
  if (stack === undefined) return encoder.encode(JSON.stringify(labels))
  const room = bytesMax - encoder.encode(JSON.stringify({ ...labels, stack: '' })).length
  return encoder.encode(JSON.stringify({ ...labels, stack: fitting(stack, room) }))
}

/** The longest of some beginnings of `text` that takes at most so many bytes as JSON. */
function fitting(text: string, bytesMax: number): string {
  for (let chars = text.length; chars > 0; chars = Math.floor((chars * 3) / 4)) {
    const shown = cut(text, chars)
    if (encoder.encode(JSON.stringify(shown)).length - 2 <= bytesMax) return shown
  }
  return ''
}
