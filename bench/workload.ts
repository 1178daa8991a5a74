/**
 * The records that all subjects publish: 12-byte keys out of 10,000, and values out of a small pool.
 *
 * Main thread. Record `i` is the same in every run and for every subject, so a run's total is known beforehand. The
 * pool is filled by a fixed linear congruential sequence: equal on every machine.
 */
import { type Check, checkOf, type Order } from './checks.ts'

export const keyBytes = 12
export const partitions = 4
/** Records handed over together in case `eachBatch`. */
export const batchRecords = 512

const keyCount = 10_000
/** Record `i` has the value of record `i % poolSize`. */
export const poolSize = 64

export type PayloadName = '64' | '100' | '1024' | 'json'
export type Value = Uint8Array | Order

export interface Workload {
  readonly payload: PayloadName
  /** Mean size of a value in bytes; of its JSON text for orders. */
  readonly payloadBytes: number
  readonly check: Check
  key(record: number): string
  value(record: number): Value
  /** The value as bytes; throws for orders. */
  bytes(record: number): Uint8Array
  /** What handling records 0 to `records - 1` adds up to. */
  total(records: number): number
}

export function createWorkload(payload: PayloadName, check: Check): Workload {
  const keys = Array.from({ length: keyCount }, (_, i) => `key-${String(i).padStart(8, '0')}`)
  const random = lcg()
  const pool: Value[] = Array.from({ length: poolSize }, (_, i) =>
    payload === 'json' ? randomOrder(i, random) : randomBytes(Number(payload), random),
  )
  const prefix = [0]
  for (const value of pool) prefix.push((prefix.at(-1) as number) + totalOf(value, check))
  const sizes = pool.map(value => (value instanceof Uint8Array ? value.length : JSON.stringify(value).length))
  return {
    payload,
    payloadBytes: Math.round(sizes.reduce((a, b) => a + b) / poolSize),
    check,
    key: record => keys[record % keyCount] as string,
    value: record => pool[record % poolSize] as Value,
    bytes: record => {
      const value = pool[record % poolSize] as Value
      if (value instanceof Uint8Array) return value
      throw new TypeError('the values of this workload are orders, not bytes')
    },
    total: records =>
      Math.floor(records / poolSize) * (prefix[poolSize] as number) + (prefix[records % poolSize] as number),
  }
}

function totalOf(value: Value, check: Check): number {
  if (!(value instanceof Uint8Array)) return value.amount
  return checkOf(check)(value, 0, value.length)
}

function randomBytes(length: number, random: (below: number) => number): Uint8Array {
  return Uint8Array.from({ length }, () => random(256))
}

function randomOrder(i: number, random: (below: number) => number): Order {
  return {
    id: 100_000 + i,
    customer: `customer-${random(1000)}`,
    item: `item-${random(100)}`,
    quantity: 1 + random(9),
    amount: 1 + random(9999),
  }
}

/** Source: Numerical Recipes' 32-bit generator; the high bits are the good ones. */
function lcg(): (below: number) => number {
  let state = 1
  return below => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}
