/**
 * The second queue of this example: prints that customers have ordered, each customer's one after the other.
 *
 * One print is for later, one is worth nothing by the time at which it could be printed, and one never ends and is cancelled. The queue
 * is asked where messages are and why.
 */
import type { Broker, CancelOutcome, Queue, QueueExplanation } from 'millrace'
import { ENDLESS, type Print, printedQueue, printsQueue } from './queues.ts'

const LATER_MS = 300
const GRACE_MS = 100

export interface Prints {
  /** What the queue said of some messages, before anything was printed. */
  readonly said: readonly string[]
  /** By customer, the pages in the order in which they were printed. */
  readonly pages: ReadonlyMap<string, readonly number[]>
  /** Of the print for later: how long it had waited when it was printed. */
  readonly waitedMs: number
  /** Why there are dead letters. */
  readonly letters: readonly string[]
  readonly cancel: CancelOutcome
  readonly cancelMs: number
  readonly acked: number
  readonly cancelled: number
  readonly failures: number
}

/** Where a message is, in words. */
function inWords(name: string, explanation: QueueExplanation): string {
  if (explanation.state === 'scheduled') return `${name} is due in ${explanation.at.getTime() - Date.now()} ms`
  if (explanation.state !== 'ready') return `${name} is ${explanation.state}`
  const { ahead, blockedBy } = explanation
  if (blockedBy === null) return `${name} is next but ${ahead}`
  return typeof blockedBy === 'string'
    ? `${name} waits: ${blockedBy}, and ${ahead} are ahead of it`
    : `${name} waits for message ${blockedBy.id} of ${blockedBy.key}`
}

/** Resolves once this holds. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise(resolve => setTimeout(resolve, 5))
}

async function isBegun(prints: Queue<Print>, id: string): Promise<boolean> {
  const explanation = await prints.explain(id)
  return explanation.state === 'unacked' && explanation.begun
}

export async function printAll(broker: Broker, threads: number): Promise<Prints> {
  const prints = await broker.queue(printsQueue)
  const printed = await broker.queue(printedQueue)
  const print = async (key: string, page: number, rest: object = {}, sheets = 1): Promise<string> =>
    (await prints.send({ key, value: { page, sheets, sentMs: Date.now() }, ...rest })).id

  // `big` has most to print, and `small` does not wait for all of it.
  const first = await print('big', 1)
  const second = await print('big', 2)
  for (const page of [3, 4, 5]) await print('big', page)
  for (const page of [1, 2]) await print('small', page)
  const endless = await print('endless', 1, {}, ENDLESS)
  const later = await print('later', 1, { delayMs: 60 * LATER_MS })
  await prints.update(later, { delayMs: LATER_MS }) // it is wanted sooner
  await print('coupon', 1, { ttlMs: 1 })
  await until(async () => (await prints.stats()).deadLettered === 1)
  const said = [
    inWords('page 1 of big', await prints.explain(first)),
    inWords('page 2 of big', await prints.explain(second)),
    inWords('the print for later', await prints.explain(later)),
  ]

  const pages = new Map<string, number[]>()
  let waitedMs = 0
  const counting = await printed.handle(({ value: { customer, page, waitedMs: waited } }) => {
    // At least once: what the thread of the endless print had printed may be printed again. The order stays.
    const before = pages.get(customer) ?? []
    if (!before.includes(page)) pages.set(customer, [...before, page])
    if (customer === 'later') waitedMs = waited
  })
  const handler = new URL('./printing.js', import.meta.url)
  const printing = await prints.run({ handler, threads, output: printedQueue.name })
  await until(() => isBegun(prints, endless))
  const from = performance.now()
  const cancel = await prints.cancel(endless, { graceMs: GRACE_MS })
  const cancelMs = performance.now() - from
  await printing.idle()
  await counting.idle()

  const letters: string[] = []
  for await (const { key, reason } of broker.deadLetters<Print>(printsQueue).browse()) letters.push(`${key} ${reason}`)
  const { acked, cancelled, failures } = await prints.stats()
  return { said, pages, waitedMs, letters, cancel, cancelMs, acked, cancelled, failures }
}
