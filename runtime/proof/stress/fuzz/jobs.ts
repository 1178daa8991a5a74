/**
 * What a record carries: its id, what a handler is to do with it, and some padding; and what is compared of a record when it
 * comes back. Pure.
 */

import type { Delivery } from '../../../words/delivery.ts'
import type { CodecName, Headers, Key, Message } from '../../../words/message.ts'
import type { Job } from './plan.ts'

/** A small number for each text. Source: FNV-1a, 32 bits. */
export function numberOf(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash >>> 0
}

/** A share of 0 to below 1 that a text has for a purpose, always the same. */
export function shareOf(text: string, purpose: string): number {
  return (numberOf(`${purpose}/${text}`) % 10_007) / 10_007
}

/** Handlers make something of most records. */
export function makesOutput(id: string): boolean {
  return shareOf(id, 'output') < 0.7
}

export function encodedJob(job: Job, codec: CodecName): unknown {
  if (codec === 'json') return job
  const text = JSON.stringify(job)
  return codec === 'string' ? text : new TextEncoder().encode(text)
}

export function jobOf(value: unknown): Job {
  if (typeof value === 'string') return JSON.parse(value) as Job
  if (value instanceof Uint8Array) return JSON.parse(new TextDecoder().decode(value)) as Job
  return value as Job
}

function keyText(key: Key | null | undefined): string | null {
  return key === null || key === undefined ? null : typeof key === 'string' ? key : new TextDecoder().decode(key)
}

function headerTexts(headers: Headers | undefined): string[] {
  return Object.entries(headers ?? {})
    .filter(([name]) => !name.startsWith('millrace-'))
    .map(
      ([name, value]) => `${name}=${typeof value === 'string' ? value : `bytes ${Buffer.from(value).toString('hex')}`}`,
    )
    .sort()
}

/** The same for a message and for what is read of it. */
export function digestOf({ key, value, headers }: Pick<Message | Delivery, 'key' | 'value' | 'headers'>): string {
  const whole = JSON.stringify([
    keyText(key),
    JSON.stringify(jobOf(value)),
    headerTexts(headers as Headers | undefined),
  ])
  return numberOf(whole).toString(36)
}
