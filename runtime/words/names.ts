/**
 * The names that topics, queues, exchanges and groups may have, and the form of a wrong value in a message.
 *
 * Leaf module, any thread. Invariant: a checked name is ASCII, is a safe file name on every system, and needs no
 * escaping in a URL, a log line or a header.
 */
import { types } from 'node:util'
import { MillraceError } from './errors.ts'

const NAME = /^[A-Za-z0-9._-]{1,200}$/
const WINDOWS_DEVICE = /^(?:con|prn|aux|nul|com[1-9]|lpt[1-9])(?:\.|$)/i
const SHOWN_CHARS_MAX = 60

/**
 * Returns `name` if a topic, a group or a producer may have it.
 *
 * @throws MillraceError `MILL_INVALID_NAME`
 */
export function checkName(
  kind: 'topic' | 'queue' | 'exchange' | 'group' | 'producer' | 'schedule',
  name: unknown,
): string {
  if (typeof name === 'string' && NAME.test(name) && name !== '.' && name !== '..' && !WINDOWS_DEVICE.test(name))
    return name
  throw new MillraceError(
    'MILL_INVALID_NAME',
    `${kind} name ${show(name)} is not allowed: ${typeof name === 'string' ? '' : 'give a string, as the first argument, and '}use 1 to 200 of the characters ` +
      "A-Z a-z 0-9 . _ - (but not '.', '..', or a Windows device name such as CON or COM1)",
  )
}

/** A value for an error message: ASCII on one line, short, and safe whatever it is. */
export function show(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value.length > SHOWN_CHARS_MAX
        ? `${escaped(value.slice(0, SHOWN_CHARS_MAX))}... (${value.length} characters)`
        : escaped(value)
    case 'function':
      return 'a function'
    case 'symbol':
      return 'a symbol'
    case 'bigint':
      return 'a BigInt'
    case 'object':
      return value === null ? 'null' : kindOf(value)
    default:
      return String(value)
  }
}

/** Objects by their kind, as far as it can be told without calling code of theirs. */
function kindOf(value: object): string {
  if (types.isProxy(value)) return 'an object'
  if (Array.isArray(value)) return 'an array'
  // Mostly a call that was not awaited.
  if (types.isPromise(value)) return 'a promise, which has to be awaited first'
  if (types.isDate(value)) return Number.isNaN(Date.prototype.getTime.call(value)) ? 'an invalid Date' : 'a Date'
  if (types.isMap(value)) return 'a Map'
  if (types.isSet(value)) return 'a Set'
  if (types.isNativeError(value)) return 'an Error'
  if (types.isTypedArray(value) || types.isAnyArrayBuffer(value)) return 'bytes'
  return value instanceof URL ? 'a URL' : 'an object'
}

/** JSON with everything beyond ASCII escaped, so that look-alike letters and direction marks are visible. */
function escaped(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
