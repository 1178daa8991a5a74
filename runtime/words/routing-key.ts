/**
 * The routing keys of messages, and the keys and patterns of bindings.
 *
 * Leaf module, any thread; on the path of every message that an exchange routes. Bound: as many bytes as a short string of AMQP has.
 */
import { isWellFormed } from './codec.ts'
import { MillraceError } from './errors.ts'
import { show } from './names.ts'

const ROUTING_KEY_BYTES_MAX = 255
/** A string of so few characters has no more bytes. */
const SHORT_CHARS = ROUTING_KEY_BYTES_MAX / 3

/** @throws MillraceError `MILL_INVALID_OPTION`, `MILL_OUT_OF_RANGE`, `MILL_UNSERIALISABLE` */
export function checkRoutingKey(key: unknown, what: 'routing key' | 'pattern' = 'routing key'): string {
  if (typeof key !== 'string')
    throw new MillraceError(
      'MILL_INVALID_OPTION',
      `a ${what} is a string, such as 'orders.eu.paid', not ${show(key)}${what === 'routing key' ? ": publish takes it first, publish('orders.eu.paid', { value })" : ''}`,
    )
  if (key.length > SHORT_CHARS) checkLength(key, what)
  if (isWellFormed(key)) return key
  throw new MillraceError(
    'MILL_UNSERIALISABLE',
    `a ${what} has half a surrogate pair, which UTF-8 cannot hold: repair it with \`toWellFormed()\``,
  )
}

function checkLength(key: string, what: string): void {
  const bytes = Buffer.byteLength(key)
  if (bytes <= ROUTING_KEY_BYTES_MAX) return
  throw new MillraceError(
    'MILL_OUT_OF_RANGE',
    `a ${what} has at most ${ROUTING_KEY_BYTES_MAX} bytes in UTF-8, not ${bytes}: put other data into headers or the value`,
  )
}
