/**
 * What became of the pictures, as text for people or as one line of JSON for programs.
 */
import Table from 'cli-table3'
import type { DeadLetter, ReplayReport } from 'millrace'
import type { Prints } from './prints.ts'
import type { Picture } from './queues.ts'

export interface Result {
  readonly sent: number
  /** The dead letters, as they were before they were replayed. */
  readonly found: readonly DeadLetter<Picture>[]
  readonly report: ReplayReport
  /** Pictures acknowledged, replayed ones among them. */
  readonly acked: number
  readonly deadLettered: number
  /** Dead letters in the end. */
  readonly left: number
  /** By picture. */
  readonly pixels: ReadonlyMap<number, number>
  /** Whether each was urgent, in the order in which they were done. */
  readonly order: readonly boolean[]
  /** Handler threads that died. */
  readonly restarts: number
  /** Of the second queue. */
  readonly prints: Prints
}

function sum(numbers: Iterable<number>): number {
  let total = 0
  for (const each of numbers) total += each
  return total
}

/** How many urgent ones were among the first, of as many as there are urgent ones. */
function urgentFirst(order: readonly boolean[]): { readonly urgent: number; readonly first: number } {
  const urgent = order.filter(isUrgent => isUrgent).length
  return { urgent, first: order.slice(0, urgent).filter(isUrgent => isUrgent).length }
}

export function toText({ sent, found, report, acked, left, pixels, order, restarts, prints }: Result): string {
  const table = new Table({
    head: ['reason', 'failures', 'error', 'picture'],
    style: { head: [], border: [] },
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
  })
  for (const { reason, failedAttempts, error, value } of found)
    table.push([reason, failedAttempts, error.message.slice(0, 60), JSON.stringify(value)])
  const grouped = (count: number): string => count.toLocaleString('en-US')
  const { urgent, first } = urgentFirst(order)
  return [
    `${grouped(sent)} pictures sent; of the first ${grouped(urgent)} that were done, ${grouped(first)} were urgent.`,
    `Dead letters of the queue, after ${restarts} threads died:`,
    table.toString(),
    `${report.replayed} mended and replayed, ${left} left.`,
    `${grouped(acked)} pictures scaled, to ${grouped(sum(pixels.values()))} pixels.`,
    '',
    'Prints, one of each customer at a time. Before they began:',
    ...prints.said.map(line => `  ${line}`),
    `Printed: ${[...prints.pages].map(([customer, pages]) => `${customer} ${pages.join(' ')}`).join('; ')}.`,
    `The print for later was printed after ${prints.waitedMs} ms. Dead letters: ${prints.letters.join(', ')}.`,
    `The endless print: ${prints.cancel} after ${Math.round(prints.cancelMs)} ms. ${prints.acked} printed, ${prints.failures} failed.`,
  ].join('\n')
}

export function toJsonLine(result: Result): string {
  const { sent, found, report, acked, deadLettered, left, pixels, order, restarts, prints } = result
  return JSON.stringify({
    sent,
    acked,
    deadLettered,
    replayed: report.replayed,
    left,
    scaled: pixels.size,
    pixels: sum(pixels.values()),
    ...urgentFirst(order),
    restarts,
    letters: found.map(({ reason, failedAttempts, error }) => ({ reason, failedAttempts, error: error.message })),
    prints: { ...prints, pages: Object.fromEntries(prints.pages) },
  })
}
