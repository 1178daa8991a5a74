/**
 * An error as JSON that fits into a settlement. Leaf, pure.
 *
 * Errors on the wire are bounded in UTF-8, and JSON may make six bytes of one: of control characters, and of lone
 * surrogates. An error that is too long first loses the ends of its causes, the last of them first, then the end of its
 * stack, and at last the end of its message.
 */
import type { ErrorWire } from '../words/errors.ts'

const encoder = new TextEncoder()
const ELLIPSIS = '…'
/** Name, code and whatever else an error has besides texts of any length. */
const LABELS_MAX = 4_096
/** No error on the wire has more. */
const CAUSES_MAX = 8
const CAUSE_MESSAGE_MAX = 1_024
const CAUSE_LABEL_MAX = 128

/** What a settlement says: an error, or the tags of a batch, which are few enough to fit. */
export function settlementText(said: ErrorWire | readonly number[], bytesMax: number): Uint8Array {
  return areTags(said) ? encoder.encode(JSON.stringify(said)) : errorText(said, bytesMax)
}

function areTags(said: ErrorWire | readonly number[]): said is readonly number[] {
  return Array.isArray(said)
}

function cut(text: string, chars: number): string {
  return text.length <= chars ? text : text.slice(0, chars) + ELLIPSIS
}

/** @throws RangeError when `bytesMax` is below 4,096: labels might not fit */
export function errorText(error: ErrorWire, bytesMax: number): Uint8Array {
  if (bytesMax < LABELS_MAX) throw new RangeError('an error needs 4,096 bytes')
  const whole = encoder.encode(JSON.stringify(error))
  if (whole.length <= bytesMax) return whole
  const { cause: _cause, errors: _errors, stack, ...bare } = error
  const causes = causesWithin(error, (bytesMax - LABELS_MAX) / 2)
  // The message may take two thirds of the room; the stack, which repeats it, the rest.
  const message = fitting(bare.message, ((bytesMax - bytesOf(causes)) * 2) / 3 - 2_048)
  const labels = { ...bare, name: fitting(bare.name, 1_024), message, ...causes }
  if (stack === undefined) return encoder.encode(JSON.stringify(labels))
  const room = bytesMax - bytesOf({ ...labels, stack: '' })
  return encoder.encode(JSON.stringify({ ...labels, stack: fitting(stack, room) }))
}

type Causes = Pick<ErrorWire, 'cause' | 'errors'>

/** The first causes that take at most so many bytes, without their stacks and with the beginnings of their messages. */
function causesWithin(of: Causes, bytesMax: number): Causes {
  for (let count = CAUSES_MAX; count > 0; count--) {
    const causes = firstCauses(of, { left: count })
    if (bytesOf(causes) <= bytesMax) return causes
  }
  return {}
}

function firstCauses({ cause, errors }: Causes, budget: { left: number }): Causes {
  const kept: { cause?: ErrorWire; errors?: ErrorWire[] } = {}
  if (cause !== undefined && budget.left > 0) kept.cause = shortened(cause, budget)
  for (const error of errors ?? [])
    if (budget.left > 0) kept.errors = [...(kept.errors ?? []), shortened(error, budget)]
  return kept
}

function shortened({ name, message, code, retriable, ...others }: ErrorWire, budget: { left: number }): ErrorWire {
  budget.left--
  return {
    name: fitting(name, CAUSE_LABEL_MAX),
    message: fitting(message, CAUSE_MESSAGE_MAX),
    ...(code === undefined ? {} : { code: typeof code === 'string' ? fitting(code, CAUSE_LABEL_MAX) : code }),
    retriable,
    ...firstCauses(others, budget),
  }
}

function bytesOf(value: unknown): number {
  return encoder.encode(JSON.stringify(value)).length
}

/** The longest of some beginnings of `text` that takes at most so many bytes as JSON. */
function fitting(text: string, bytesMax: number): string {
  for (let chars = text.length; chars > 0; chars = Math.floor((chars * 3) / 4)) {
    const shown = cut(text, chars)
    if (encoder.encode(JSON.stringify(shown)).length - 2 <= bytesMax) return shown
  }
  return ''
}
