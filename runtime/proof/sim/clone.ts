/**
 * A copy of a message as the other thread gets it: data copied, shared memory shared, ports moved.
 *
 * As structuredClone for what control calls send, and it knows simulated ports; what cannot be sent throws as there.
 */
import { SimPort } from './sim-port.ts'

/** The one buffer that is shared, not copied. */
let sharedBuffer: unknown = null

export function share(buffer: unknown): void {
  sharedBuffer = buffer
}

export function cloned(value: unknown): unknown {
  if (typeof value === 'function' || typeof value === 'symbol')
    throw new DOMException(`${String(value)} could not be cloned.`, 'DataCloneError')
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof SimPort || value === sharedBuffer) return value
  if (Array.isArray(value)) return value.map(cloned)
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof Date || value instanceof Error)
    return structuredClone(value)
  if (value instanceof Map) return new Map([...value].map(([key, each]) => [cloned(key), cloned(each)]))
  if (value instanceof Set) return new Set([...value].map(cloned))
  const copy: Record<string, unknown> = {}
  for (const key of Object.keys(value)) copy[key] = cloned((value as Record<string, unknown>)[key])
  return copy
}
