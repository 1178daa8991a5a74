/**
 * The letters that a caller selects: a filter, checked once, or letters that were browsed before.
 *
 * Leaf, the caller's thread: a RegExp of the caller's is slow at the caller's expense only.
 */

import { COUNT_MAX } from '../options/option-bounds.ts'
import { integer, type Rule } from '../options/option-rules.ts'
import { check, type Filled, type Given, type Table } from '../options/option-table.ts'
import type { DeadLetterReason } from '../words/broker-events.ts'
import type { DeadLetter, DeadLetterFilter } from '../words/dead-letter.ts'
import { MillraceError } from '../words/errors.ts'
import type { Key } from '../words/message.ts'
import { checkName, show } from '../words/names.ts'
import type { StoredLetter } from './stored-letter.ts'

/** Letters to read, and the condition for each. */
export interface Selection {
  readonly limit: number
  /** Offsets to look through in a partition of a dead-letter topic, from and up to; null: none of it. */
  range(topic: string, partition: number): { readonly from: number; readonly to: number } | null
  matches(letter: StoredLetter): boolean
}

type Unset = 'group' | 'reason' | 'since' | 'until' | 'key' | 'error'

interface CheckedFilter extends Filled<Omit<DeadLetterFilter, Unset>>, Given {
  readonly group: string | undefined
  readonly reason: readonly DeadLetterReason[] | undefined
  readonly since: number
  readonly until: number
  readonly key: Buffer | undefined
  readonly error: ((text: string) => boolean) | undefined
}

interface CheckedOptions extends Given {
  readonly group: string | undefined
}

const REASONS: readonly DeadLetterReason[] = [
  'failed',
  'rejected',
  'expired',
  'timeout',
  'crashed',
  'decode',
  'maxlen',
  'delivery-limit',
]
/** The last moment that a Date can name. */
const LAST_MS = 8.64e15

const GROUP: Rule<string | undefined> = { missing: () => undefined, check: value => checkName('group', value) }

const FILTER: Table<CheckedFilter> = {
  group: GROUP,
  reason: { missing: () => undefined, check: reasons },
  since: { missing: () => Number.NEGATIVE_INFINITY, check: time },
  until: { missing: () => Number.POSITIVE_INFINITY, check: time },
  key: { missing: () => undefined, check: keyBytes },
  error: { missing: () => undefined, check: errorTest },
  limit: integer(1, COUNT_MAX, Number.POSITIVE_INFINITY, 'or Infinity'),
}

const OPTIONS: Table<CheckedOptions> = { group: GROUP }

export function checkDeadLettersOptions(options: unknown): CheckedOptions {
  return check<CheckedOptions>('deadLetters', OPTIONS, options)
}

/** @throws MillraceError MILL_UNKNOWN_OPTION, MILL_INVALID_OPTION, MILL_OUT_OF_RANGE, MILL_INVALID_NAME */
export function filtered(filter: unknown): Selection {
  const { group, reason, since, until, key, error, limit } = check<CheckedFilter>('dead letter filter', FILTER, filter)
  return {
    limit,
    range: () => ({ from: 0, to: Number.POSITIVE_INFINITY }),
    matches(letter) {
      if (group !== undefined && letter.group !== group) return false
      if (reason !== undefined && !reason.includes(letter.reason)) return false
      const at = letter.lastFailureMs
      if (at < since || at >= until) return false
      if (key !== undefined && (letter.keyBytes === null || !key.equals(letter.keyBytes))) return false
      if (error === undefined) return true
      const { name, message, code } = letter.error
      return error(name) || error(message) || (code !== null && error(code))
    },
  }
}

/** Argument of `replay` and `purge`. Undefined is refused, so that no caller purges all by mistake. */
export function selected(selection: unknown): Selection {
  if (selection === undefined)
    throw new MillraceError('MILL_INVALID_OPTION', 'say which dead letters: a filter, letters, or {} for all')
  if (Array.isArray(selection)) return listed(selection)
  return isLetter(selection) ? listed([selection]) : filtered(selection)
}

function listed(letters: readonly unknown[]): Selection {
  const offsets = new Map<string, Set<number>>()
  for (const letter of letters) {
    if (!isLetter(letter))
      throw new MillraceError('MILL_INVALID_OPTION', `a list of dead letters has ${show(letter)} in it`)
    const { topic, partition, offset } = letter.letter
    const place = `${topic}/${partition}`
    offsets.set(place, (offsets.get(place) ?? new Set()).add(offset))
  }
  return {
    limit: Number.POSITIVE_INFINITY,
    range(topic, partition) {
      const wanted = offsets.get(`${topic}/${partition}`)
      if (wanted === undefined) return null
      let from = Number.POSITIVE_INFINITY
      let to = 0
      for (const offset of wanted) {
        if (offset < from) from = offset
        if (offset >= to) to = offset + 1
      }
      return { from, to }
    },
    matches: ({ letter: { topic, partition, offset } }) => offsets.get(`${topic}/${partition}`)?.has(offset) === true,
  }
}

function isLetter(value: unknown): value is DeadLetter {
  const { letter } = (typeof value === 'object' && value !== null ? value : {}) as Partial<DeadLetter>
  return typeof letter === 'object' && typeof letter.topic === 'string' && Number.isInteger(letter.offset)
}

function reasons(value: unknown, at: string): readonly DeadLetterReason[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  const unknown = list.findIndex(each => !(REASONS as readonly unknown[]).includes(each))
  if (unknown === -1) return list as readonly DeadLetterReason[]
  const known = REASONS.map(each => `'${each}'`).join(' or ')
  throw new MillraceError('MILL_INVALID_OPTION', `\`${at}\` must be ${known}, or several, not ${show(list[unknown])}`)
}

function time(value: unknown, at: string): number {
  const ms = value instanceof Date ? value.getTime() : value
  if (typeof ms !== 'number')
    throw new MillraceError(
      'MILL_INVALID_OPTION',
      `\`${at}\` must be a Date or milliseconds since the epoch, not ${show(value)}`,
    )
  if (Math.abs(ms) <= LAST_MS) return ms
  throw new MillraceError('MILL_OUT_OF_RANGE', `\`${at}\` must be a time that a Date can name, not ${show(ms)}`)
}

function keyBytes(value: unknown, at: string): Buffer {
  if (typeof value === 'string') return Buffer.from(value)
  if (value instanceof Uint8Array) return Buffer.from(value satisfies Key)
  throw new MillraceError('MILL_INVALID_OPTION', `\`${at}\` must be a string or bytes, not ${show(value)}`)
}

function errorTest(value: unknown, at: string): (text: string) => boolean {
  if (typeof value === 'string') return text => text.includes(value)
  if (value instanceof RegExp) {
    // Without the flags that make a RegExp remember where it was.
    const pattern = new RegExp(value.source, value.flags.replace(/[gy]/g, ''))
    return text => pattern.test(text)
  }
  throw new MillraceError('MILL_INVALID_OPTION', `\`${at}\` must be a string or a RegExp, not ${show(value)}`)
}
