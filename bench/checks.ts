/**
 * What handlers compute from a value, so that a lost, repeated or torn record shows as a wrong total.
 *
 * Pure functions, on any thread; ours and the rivals use the same ones.
 */

import { compute } from './compute.ts'

/** A small order, 64 to 100 bytes as JSON. */
export interface Order {
  readonly id: number
  readonly customer: string
  readonly item: string
  readonly quantity: number
  readonly amount: number
}

/**
 * `bytes` sums every byte, `ends` the first and the last word, `first` reads one byte, `work` computes for about 1 us,
 * `json` sums one field of every order.
 */
export type Check = 'bytes' | 'ends' | 'first' | 'work' | 'json'

export type CheckBytes = (bytes: Uint8Array, from: number, to: number) => number

const byCheck: Readonly<Record<Exclude<Check, 'json'>, CheckBytes>> = {
  bytes: sumBytes,
  ends: sumEnds,
  first: readFirst,
  work: workFirst,
}

/** What a value of bytes counts; throws for orders. */
export function checkOf(check: Check): CheckBytes {
  if (check === 'json') throw new TypeError('an order counts by its amount, not by its bytes')
  return byCheck[check]
}

export function sumBytes(bytes: Uint8Array, from: number, to: number): number {
  let sum = 0
  for (let i = from; i < to; i++) sum += bytes[i] as number
  return sum
}

/** Cheap enough not to hide the ring, and wrong as soon as a record is torn or shifted. */
export function sumEnds(bytes: Uint8Array, from: number, to: number): number {
  return wordAt(bytes, from) + wordAt(bytes, to - 4)
}

export function readFirst(bytes: Uint8Array, from: number): number {
  return bytes[from] as number
}

/** About 1 us. */
const workSteps = 1_000

/** As `readFirst`, after arithmetic that no compiler can leave out. */
export function workFirst(bytes: Uint8Array, from: number): number {
  const first = bytes[from] as number
  return first + compute(workSteps, first)
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  )
}

export function parseOrder(text: string): Order {
  return JSON.parse(text) as Order
}
