/**
 * Headers as callers hand them in: a plain object, a `Map`, or a `Headers` of the web. Anything else is refused, since what
 * it holds is not in its own fields and would be lost without a word.
 *
 * The producer's thread. Each header is read once, into an object of ours: an accessor that says something else the second
 * time would otherwise be measured as one thing and written as another. What names and values may be is checked where they
 * are measured (log/format/headers.ts).
 */
import { types } from 'node:util'
import { isOurs, OUR_NAMES_MAX } from '../dead-letters/letter-headers.ts'
import { WrittenHeader } from '../log/format/written-header.ts'
import { MillraceError } from '../words/errors.ts'
import type { GivenHeaders, Headers } from '../words/message.ts'
import { show } from '../words/names.ts'

/** @throws MillraceError `MILL_UNSERIALISABLE` */
export function copyHeaders(headers: GivenHeaders): Headers {
  if (headers instanceof WrittenHeader) return headers as unknown as Headers
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers))
    throw unserialisable(`headers must be an object, not ${show(headers)}${adviceOn(headers)}`)
  const copy: Record<string, string | Uint8Array> = Object.create(null)
  let count = 0
  if (!isPlain(headers)) {
    for (const [name, value] of entriesOf(headers)) {
      copy[name] = value
      count++
    }
  } else {
    const names = Object.keys(headers)
    for (const name of names) copy[name] = headers[name] as string | Uint8Array
    count = names.length
  }
  if (count > OUR_NAMES_MAX) checkNames(copy)
  return copy
}

/** Of so many that it may be too many of ours. */
function checkNames(copy: Headers): void {
  const ours = Object.keys(copy).filter(isOurs).length
  if (ours > OUR_NAMES_MAX)
    throw unserialisable(
      `at most ${OUR_NAMES_MAX.toLocaleString('en')} header names may start with millrace-, not ${ours.toLocaleString('en')}: they are the broker's; use names of your own`,
    )
}

/** Whether all that it holds can be in its own fields. Its prototype may be another realm's. */
function isPlain(headers: object): headers is Headers {
  const prototype: unknown = Object.getPrototypeOf(headers)
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null
}

function* entriesOf(headers: object): Iterable<readonly [string, string | Uint8Array]> {
  if (!types.isMap(headers) && !isWebHeaders(headers))
    throw unserialisable(
      `headers must be a plain object, a Map or a Headers, not ${nameOf(headers)}${adviceOn(headers)}`,
    )
  for (const [name, value] of headers.entries()) {
    if (typeof name !== 'string') throw unserialisable(`a header name is a string, not ${show(name)}`)
    yield [name, value as string | Uint8Array]
  }
}

/** By shape, because there are several implementations, and realms. */
function isWebHeaders(headers: object): headers is { entries(): Iterable<[unknown, unknown]> } {
  const candidate = headers as { readonly entries?: unknown; readonly getSetCookie?: unknown }
  return typeof candidate.entries === 'function' && typeof candidate.getSetCookie === 'function'
}

function nameOf(headers: object): string {
  const made: unknown = headers.constructor
  const name = typeof made === 'function' && made !== Object ? made.name : ''
  return /^\w{1,60}$/.test(name) ? `an instance of ${name}` : 'an object that inherits from another one'
}

function adviceOn(headers: unknown): string {
  if (types.isPromise(headers)) return ': await it first'
  if (Array.isArray(headers) || headers instanceof URLSearchParams) return ': use Object.fromEntries(headers)'
  return typeof headers === 'object' && headers !== null ? ': copy what is to be sent into { name: value }' : ''
}

function unserialisable(message: string): MillraceError {
  return new MillraceError('MILL_UNSERIALISABLE', message)
}
