/**
 * Copies a value into shared memory as doubles, the fastest way there is for short ones. Its length is a multiple of 64.
 *
 * Any thread. Eight loads, then eight stores: where the processor is not allowed to load past an older store (a common
 * defence against speculation), one by one takes three to six times as long, and so does a call of `set`.
 */

export function writeDoubles(target: Float64Array, at: number, source: Float64Array): void {
  for (let i = 0; i < source.length; i += 8, at += 8) {
    const a = source[i] as number
    const b = source[i + 1] as number
    const c = source[i + 2] as number
    const d = source[i + 3] as number
    const e = source[i + 4] as number
    const f = source[i + 5] as number
    const g = source[i + 6] as number
    const h = source[i + 7] as number
    target[at] = a
    target[at + 1] = b
    target[at + 2] = c
    target[at + 3] = d
    target[at + 4] = e
    target[at + 5] = f
    target[at + 6] = g
    target[at + 7] = h
  }
}
