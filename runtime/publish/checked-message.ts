/**
 * What callers hand in as a message, checked property by property as the producer reads it.
 *
 * The producer's thread; on the path of every record, so nothing is allocated. Every property of a message is read
 * once, and all code of the caller's (accessors, toJSON) runs before anything is measured: what was measured is then
 * what is written.
 */
import { bytesOf } from '../codec.ts'
import { MillraceError } from '../errors.ts'
import { show } from '../names.ts'
import type { Key, Message } from '../types.ts'

export function asMessage(message: Message): Message {
  if (typeof message === 'object' && message !== null) return message
  throw new MillraceError('MILL_INVALID_OPTION', 'a message is an object with a value: { key, value, headers }')
}

export function checkedKey(key: Key | null | undefined): Key | null {
  if (typeof key === 'string') return key
  if (key === undefined || key === null) return null
  // An empty one may have been detached, which bytesOf sees.
  if ((key as unknown) instanceof Uint8Array) return key.length > 0 ? key : bytesOf(key)
  throw new MillraceError('MILL_INVALID_OPTION', `a key is a string or bytes, not ${typeof key}; use String(key)`)
}

export function checkTimestamp(timestamp: number | undefined): void {
  if (timestamp === undefined || (Number.isSafeInteger(timestamp) && timestamp >= 0)) return
  throw new MillraceError(
    'MILL_OUT_OF_RANGE',
    `a timestamp is an integer of milliseconds since the epoch, 0 or more, not ${show(timestamp)}`,
  )
}
