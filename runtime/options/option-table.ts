/**
 * Reads an options object by its table: a line for each option, which the compiler holds against the public type.
 *
 * Any thread. Invariants: only own keys count, each is read once, and `undefined` means "not given". `given` names what was given,
 * so that opening an existing topic compares only that. What comes out is frozen, with every default filled in.
 */
import { MillraceError } from '../words/errors.ts'
import { show } from '../words/names.ts'
import { adviceOn } from './option-places.ts'
import { invalid, type Rule } from './option-rules.ts'

/** Options with every default filled in; only those named in `Unset` may still be `undefined`. */
export type Filled<O, Unset extends keyof O = never> = {
  readonly [K in keyof O]-?: K extends Unset ? O[K] | undefined : Exclude<O[K], undefined>
}

export interface Given {
  /** The options that the caller gave a value. */
  readonly given: ReadonlySet<string>
}

export type Table<C> = { readonly [K in keyof Omit<C, 'given'>]: Rule<C[K]> }

export function check<C extends Given>(
  kind: string,
  table: Table<C>,
  options: unknown,
  finish: (checked: C) => C = checked => checked,
): C {
  const given = new Set<string>()
  const values = readTable(table, options === undefined ? {} : options, kind, '', given)
  return Object.freeze(finish(Object.assign(values, { given })))
}

/** Nested options are frozen too; `finish` settles what depends on two of them. */
export function nested<C extends object>(
  table: Table<C>,
  finish: (checked: C, given: ReadonlySet<string>, at: string) => C = checked => checked,
): Rule<C> {
  const read = (value: unknown, at: string): C => {
    const given = new Set<string>()
    return Object.freeze(finish(readTable(table, value, at, `${at}.`, given), given, at))
  }
  return { missing: at => read({}, at), check: read }
}

function readTable<C>(table: Table<C>, options: unknown, kind: string, prefix: string, given: Set<string>): C {
  if (typeof options !== 'object' || options === null || Array.isArray(options) || options instanceof URL)
    throw invalid(
      `${prefix === '' ? `${kind} options` : `\`${kind}\``} must be an object, not ${show(options)}${exampleOf(kind, options)}`,
    )
  for (const key of Reflect.ownKeys(options)) {
    if (!Object.hasOwn(table, key)) throw unknownOption(prefix === '' ? kind : '', key, prefix, Object.keys(table))
  }
  const values: Record<string, unknown> = {}
  for (const [key, rule] of Object.entries<Rule<unknown>>(table)) {
    const at = prefix + key
    const value: unknown = Object.hasOwn(options, key) ? Reflect.get(options, key) : undefined
    if (value !== undefined) given.add(key)
    values[key] = value === undefined ? rule.missing(at) : rule.check(value, at)
  }
  return values as C
}

/** What to write instead, where it is plain what was meant. */
function exampleOf(kind: string, given: unknown): string {
  if (kind === 'run' || kind === 'queue run') {
    if (typeof given === 'function') return ': `handle` takes a function; run takes { handler: URL of a module }'
    return given instanceof URL || typeof given === 'string' ? ': write { handler: new URL(…) }' : ''
  }
  if (kind === 'schedule' && typeof given === 'string') return `: write { cron: ${show(given)} }`
  if (kind === 'exchange' && typeof given === 'string') return `: write { type: ${show(given)} }`
  if (typeof given !== 'number') return ''
  if (kind === 'schedule') return `: write { everyMs: ${given} }`
  if (kind === 'rate' || kind.endsWith('Rate')) return `: write { max: ${given}, perMs: 1_000 }`
  return ['close', 'stop', 'publish', 'request'].includes(kind) ? `: write { timeoutMs: ${given} }` : ''
}

function unknownOption(kind: string, key: string | symbol, prefix: string, known: readonly string[]): MillraceError {
  const quoted = (name: string): string => `\`${prefix}${name}\``
  const shown = typeof key === 'symbol' ? show(key) : /^\w{1,60}$/.test(key) ? quoted(key) : show(prefix + key)
  const meant = typeof key === 'symbol' ? undefined : adviceOn(kind, key, known, prefix)
  const help = meant ?? `known are ${known.map(quoted).join(', ')}`
  return new MillraceError('MILL_UNKNOWN_OPTION', `unknown option ${shown}: ${help}`)
}
