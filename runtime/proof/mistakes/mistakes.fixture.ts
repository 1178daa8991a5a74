/**
 * Mistakes that newcomers make, played against the door as it is packed, and what each is told.
 *
 * A row is one mistake. Its pattern has what was given or what is allowed, and what to write instead. Thread: that of the test. Bound: one
 * small broker for a table.
 */
import type { Test } from 'tap'
import type { Broker, ErrorCode, Queue, Topic } from '../../index.ts'

/** The door that users import: the bundle. Its types are those of the sources. */
export const door = (await import(
  new URL('../../index.bundle.js', import.meta.url).href
)) as typeof import('../../index.ts')

/** Where a mistake is made. */
export interface Place {
  readonly broker: Broker
  /** Of two partitions. */
  readonly topic: Topic<unknown>
  readonly queue: Queue<unknown>
  /** A name that nothing has. */
  readonly name: string
}

/** A mistake, its code, what its sentence must say, and the call. */
export type Mistake = readonly [what: string, code: ErrorCode, says: RegExp, make: (place: Place) => unknown]

/** Any value, as callers without types give it. */
// biome-ignore lint/suspicious/noExplicitAny: that is the mistake
export function any(value: unknown): any {
  return value
}

/** Plays a table: each mistake is told with its code and its sentence, and what is there stays usable. */
export async function playMistakes(t: Test, mistakes: readonly Mistake[]): Promise<void> {
  const broker = await door.createBroker({ memoryMaxBytes: 256 * 1024 * 1024, logger: false })
  t.teardown(() => broker.close({ timeoutMs: 2_000 }).catch(() => undefined))
  let number = 0
  for (const [what, code, says, make] of mistakes) {
    const name = `m${number++}`
    const topic = await broker.topic<unknown>(`${name}-topic`, { partitions: 2 })
    const queue = await broker.queue<unknown>(`${name}-queue`, { priorities: 3 })
    const error = await thrownBy(() => make({ broker, topic, queue, name }))
    t.ok(door.isMillraceError(error), `${what}: an error of millrace, not ${String(error)}`)
    const told = `${(error as { code?: string }).code} ${(error as Error).message}`
    t.match(told, new RegExp(`^${code} .*${says.source}`, 's'), what)
    await topic.publish({ value: 1 })
  }
}

async function thrownBy(make: () => unknown): Promise<unknown> {
  try {
    const made = await make()
    return new Error(`nothing was thrown, and it returned ${String(made)}`)
  } catch (error) {
    return error
  }
}
