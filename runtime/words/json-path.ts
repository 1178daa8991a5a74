/**
 * Where in a value the first thing is that JSON cannot write: for messages of errors, after JSON has failed.
 *
 * Leaf module, any thread. It calls no code of the value's (accessors, `toJSON`, proxies). Bounds: 10,000 values, 100 levels and a path of
 * 200 characters; beyond them it finds nothing.
 */
import { types } from 'node:util'
import { show } from './names.ts'

const VALUES_MAX = 10_000
const LEVELS_MAX = 100
const PATH_CHARS_MAX = 200

/** What is looked for. */
export type Culprit = 'bigint' | 'cycle'

/** Path of the first one, such as `value.items[3].id`; undefined: none is found, or it is the value itself. */
export function jsonPath(value: unknown, culprit: Culprit): string | undefined {
  const above: object[] = []
  let left = VALUES_MAX
  const search = (found: unknown, path: string): string | undefined => {
    if (typeof found === 'bigint') return culprit === 'bigint' ? path : undefined
    if (typeof found !== 'object' || found === null || types.isProxy(found)) return undefined
    if (above.includes(found)) return culprit === 'cycle' ? path : undefined
    if (above.length === LEVELS_MAX || path.length > PATH_CHARS_MAX) return undefined
    above.push(found)
    const keys = Array.isArray(found) ? found.keys() : Object.keys(found)
    for (const key of keys) {
      if (left-- === 0) break
      const below: unknown = Object.getOwnPropertyDescriptor(found, key)?.value
      const at = search(below, path + step(key))
      if (at !== undefined) return at
    }
    above.pop()
    return undefined
  }
  const path = search(value, 'value')
  return path === 'value' ? undefined : path
}

function step(key: string | number): string {
  if (typeof key === 'number') return `[${key}]`
  return /^[A-Za-z_$][\w$]{0,59}$/.test(key) ? `.${key}` : `[${show(key)}]`
}
