/**
 * Finding the targets of messages: 10,000 bindings of a topic exchange, and keys out of 100,000 distinct ones of four words, in no order.
 *
 * Main thread. A key matches two bindings on average, which lead to different queues. How many follows from its words, so a run's total is known.
 */
import { createBroker, type Exchange, type Queue } from 'millrace'
import { startStopwatch } from '../stopwatch.ts'
import type { Subject } from '../subject.ts'

const BINDINGS = 10_000
const KEYS = 100_000
const WINDOW = 1_000
/** Without a common divisor with KEYS: all keys come before one comes again. */
const STRIDE = 61_803

/** Words of the key of that number. */
function wordsOf(number: number): { a: number; b: number; c: number; d: number } {
  return {
    a: number % 10,
    b: Math.floor(number / 10) % 10,
    c: Math.floor(number / 100) % 100,
    d: Math.floor(number / 10_000),
  }
}

/** Bindings that take it: of the first kind half of the keys, of the second each, of the third half of them. */
function matchesOf(number: number): number {
  const { c, d } = wordsOf(number)
  return (c < 50 ? 1 : 0) + 1 + (d < 5 ? 1 : 0)
}

/** Patterns of three kinds, and as many as are left that take no key. */
function* patterns(): Generator<readonly [kind: number, pattern: string]> {
  let made = 0
  for (let number = 0; number < 5_000; number++, made++) {
    const { a, b, c } = wordsOf(number)
    yield [0, `a${a}.b${b}.c${c}.#`]
  }
  for (let number = 0; number < 1_000; number++, made++) yield [1, `a${number % 10}.*.c${Math.floor(number / 10)}.*`]
  for (let number = 0; number < 50; number++, made++) yield [2, `#.b${number % 10}.*.d${Math.floor(number / 10)}`]
  for (; made < BINDINGS; made++) yield [0, `a${made % 10}.b${Math.floor(made / 10) % 10}.x${made}`]
}

async function bindAll(exchange: Exchange, queues: readonly Queue[]): Promise<void> {
  const bound: Promise<void>[] = []
  for (const [kind, pattern] of patterns()) bound.push(exchange.bind(queues[kind] as Queue, pattern))
  await Promise.all(bound)
}

export const dryRoutes: Subject = {
  name: 'dry-route',
  supports: () => true,
  total(_spec, records) {
    let total = 0
    for (let i = 0; i < records; i++) total += matchesOf((i * STRIDE) % KEYS)
    return total
  },
  async start() {
    const broker = await createBroker()
    const queues = await Promise.all(['one', 'two', 'three'].map(name => broker.queue(name)))
    const exchange = await broker.exchange('bench', { type: 'topic' })
    await bindAll(exchange, queues)
    const keys = Array.from({ length: KEYS }, (_, number) => {
      const { a, b, c, d } = wordsOf(number)
      return `a${a}.b${b}.c${c}.d${d}`
    })
    let found = 0
    return {
      async run(records) {
        const elapsed = startStopwatch()
        for (let from = 0; from < records; from += WINDOW) {
          const asked: Promise<readonly string[]>[] = []
          const end = Math.min(records, from + WINDOW)
          for (let i = from; i < end; i++) asked.push(exchange.route(keys[(i * STRIDE) % KEYS] as string))
          for (const targets of await Promise.all(asked)) found += targets.length
        }
        return { seconds: elapsed() }
      },
      async stop() {
        await broker.close()
        return found
      },
    }
  },
}
