/**
 * Rules for single options: each checks one value, and names the allowed values in a sentence.
 *
 * Leaf module, any thread. Rules are pure; `at` names the option.
 */
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Logger } from '../words/common-options.ts'
import { MillraceError } from '../words/errors.ts'
import type { Partitioner } from '../words/message.ts'
import { checkName, show } from '../words/names.ts'

/** Partitions of a topic. */
export const PARTITIONS_MAX = 1_024
/** Groups that a topic may name. */
const GROUPS_MAX = 1_024

/**
 * A rule for one option: its default, and its checked value. `at` is its name in messages, dotted where it is nested.
 */
export interface Rule<T> {
  readonly missing: (at: string) => T
  readonly check: (value: unknown, at: string) => T
}

export function integer<D extends number | undefined>(
  min: number,
  max: number,
  fallback: D | (() => D),
  or?: 'or Infinity',
): Rule<number | D> {
  return numeric('an integer', Number.isInteger, min, max, fallback, or)
}

export function number<D extends number | undefined>(
  min: number,
  max: number,
  fallback: D | (() => D),
  or?: 'or Infinity',
): Rule<number | D> {
  return numeric('a number', Number.isFinite, min, max, fallback, or)
}

function numeric<D extends number | undefined>(
  noun: string,
  isKind: (value: number) => boolean,
  min: number,
  max: number,
  fallback: D | (() => D),
  or: 'or Infinity' | undefined,
): Rule<number | D> {
  // Said when it is needed: formatting the first number loads the system's locales, which takes 15 ms.
  const wanted = (): string =>
    `must be ${noun} from ${grouped(min)} to ${grouped(max)}${or === undefined ? '' : `, ${or}`}`
  return {
    missing: () => (typeof fallback === 'function' ? fallback() : fallback),
    check: (value, at) => {
      if (typeof value !== 'number') throw invalid(`\`${at}\` ${wanted()}, not ${show(value)}`)
      if (isKind(value) && value >= min && value <= max) return value
      if (value === Number.POSITIVE_INFINITY && or !== undefined) return value
      throw outOfRange(`\`${at}\` ${wanted()}, not ${value}`)
    },
  }
}

/** The same, where there is no default. */
export function required<T>({ check }: Rule<T>): Rule<T> {
  // What it says of an omitted one is what it says of a wrong one.
  return { missing: at => check(undefined, at), check }
}

export function oneOf<const T extends string>(choices: readonly T[], fallback: NoInfer<T>): Rule<T> {
  return {
    missing: () => fallback,
    check: (value, at) => {
      const found = choices.find(choice => choice === value)
      if (found !== undefined) return found
      throw invalid(`\`${at}\` must be ${choices.map(choice => `'${choice}'`).join(' or ')}, not ${show(value)}`)
    },
  }
}

/** The same, where an omitted one is `undefined`. */
export function optional<T>({ check }: Rule<T>): Rule<T | undefined> {
  return { missing: () => undefined, check }
}

export function partitioner(value: unknown, at: string): Partitioner {
  if (typeof value === 'function') return value as Partitioner
  const choices: readonly Partitioner[] = ['default', 'round-robin']
  const found = choices.find(choice => choice === value)
  if (found !== undefined) return found
  throw invalid(`\`${at}\` must be 'default', 'round-robin' or a function, not ${show(value)}`)
}

export function topicName(value: unknown, at: string): string {
  if (typeof value === 'string') return checkName('topic', value)
  throw invalid(`\`${at}\` must be a topic name, not ${show(value)}`)
}

export function groupNames(value: unknown, at: string): readonly string[] {
  if (!Array.isArray(value)) throw invalid(`\`${at}\` must be an array of group names, not ${show(value)}`)
  if (value.length > GROUPS_MAX)
    throw outOfRange(`\`${at}\` must have at most ${grouped(GROUPS_MAX)} names, not ${grouped(value.length)}`)
  return Object.freeze([...new Set(Array.from(value, (name: unknown) => checkName('group', name)))])
}

export function signal(value: unknown, at: string): AbortSignal {
  // By shape, because a signal of another realm or a polyfill aborts as well.
  const candidate = value as Partial<AbortSignal> | null
  if (
    typeof value === 'object' &&
    typeof candidate?.aborted === 'boolean' &&
    typeof candidate.addEventListener === 'function'
  )
    return value as AbortSignal
  throw invalid(`\`${at}\` must be an AbortSignal, not ${show(value)}`)
}

export function folder(value: unknown, at: string): string {
  const wanted = `\`${at}\` must be the path of a folder, or its file: URL`
  if (value instanceof URL || (typeof value === 'string' && /^(?:file:|[a-z][a-z\d+.-]+:\/\/)/i.test(value))) {
    if (!URL.canParse(String(value))) throw invalid(`${wanted}, not ${show(value)}, which is no URL`)
    const url = new URL(value)
    if (url.protocol !== 'file:') throw invalid(`${wanted}, not a URL of ${url.protocol} (${show(url.href)})`)
    try {
      return fileURLToPath(url)
    } catch (cause) {
      throw invalid(`${wanted}, not ${show(url.href)}: ${(cause as Error).message}`)
    }
  }
  if (typeof value === 'string' && value.length > 0 && !value.includes('\0')) return resolve(value)
  throw invalid(`${wanted}, not ${show(value)}`)
}

/** Permission bits. The owner's own bits (`least`) are required: without them the broker could not use its files. */
export function mode(least: number): Rule<number> {
  const octal = (bits: number): string => `0o${bits.toString(8)}`
  return {
    missing: () => least,
    check: (value, at) => {
      const wanted = `\`${at}\` must be permission bits from ${octal(least)} to 0o777, such as ${octal(least)}`
      if (typeof value !== 'number') throw invalid(`${wanted}, not ${show(value)}`)
      if (Number.isInteger(value) && value >= least && value <= 0o777 && (value & least) === least) return value
      const isDecimal = /^[0-7]{3}$/.test(`${value}`) && (Number.parseInt(`${value}`, 8) & least) === least
      throw outOfRange(`${wanted}, not ${value}${isDecimal ? `; did you mean 0o${value}?` : ''}`)
    },
  }
}

export function logger(value: unknown, at: string): Logger | false {
  if (value === false) return value
  const candidate = value as Partial<Logger> | null
  if (typeof value === 'object' && typeof candidate?.warn === 'function' && typeof candidate.error === 'function')
    return value as Logger
  throw invalid(`\`${at}\` must be false or have the functions \`warn\` and \`error\`; it is ${show(value)}`)
}

export function invalid(message: string): MillraceError {
  return new MillraceError('MILL_INVALID_OPTION', message)
}

export function outOfRange(message: string): MillraceError {
  return new MillraceError('MILL_OUT_OF_RANGE', message)
}

export function grouped(value: number): string {
  return value.toLocaleString('en-US')
}
