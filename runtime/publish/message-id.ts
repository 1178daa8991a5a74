/**
 * The id that a sender gives a message: its text, and the hash by which the queue's host knows it.
 *
 * The producer's thread, also for whoever asks for a message by its id. Ids are compared by 128 bits of their SHA-256. Bound:
 * MESSAGE_ID_BYTES_MAX.
 */
import { hash } from 'node:crypto'
import { ID_HASH_BYTES, type QueueFields } from '../log/format/queue-fields.ts'
import type { QueueShape } from '../wire/queue-places.ts'
import { isWellFormed } from '../words/codec.ts'
import { MillraceError } from '../words/errors.ts'
import { show } from '../words/names.ts'
import { MESSAGE_ID_BYTES_MAX } from '../words/queue-bounds.ts'

/** ID_HASH_BYTES bytes. */
export function hashOfId(text: Uint8Array): Uint8Array {
  return new Uint8Array(hash('sha256', text, 'buffer').subarray(0, ID_HASH_BYTES))
}

/** @throws MillraceError MILL_INVALID_OPTION, MILL_OUT_OF_RANGE, MILL_UNSERIALISABLE */
export function checkedId(
  id: unknown,
  queue: string,
  { dedupeMs }: Pick<QueueShape, 'dedupeMs'>,
): NonNullable<QueueFields['id']> {
  if (dedupeMs === 0)
    throw new MillraceError(
      'MILL_INVALID_OPTION',
      `queue ${queue} keeps no ids: open it with \`dedupeMs\`, or leave \`id\` out`,
    )
  if (typeof id !== 'string')
    throw new MillraceError('MILL_INVALID_OPTION', `an \`id\` is a string, not ${show(id)}; use String(id)`)
  if (!isWellFormed(id))
    throw new MillraceError(
      'MILL_UNSERIALISABLE',
      'an `id` has half a surrogate pair, which UTF-8 cannot hold: repair it with `toWellFormed()`',
    )
  const text = Buffer.from(id)
  if (text.length === 0 || text.length > MESSAGE_ID_BYTES_MAX)
    throw new MillraceError(
      'MILL_OUT_OF_RANGE',
      `an \`id\` must have 1 to ${MESSAGE_ID_BYTES_MAX} bytes in UTF-8, not ${text.length}`,
    )
  return { hash: hashOfId(text), text }
}
