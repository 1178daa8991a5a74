/**
 * What became of the orders, as text for people or as one line of JSON for programs.
 */
import Table from 'cli-table3'
import type { DeadLetter, ReplayReport } from 'millrace'
import type { Order } from './topics.ts'

export interface Result {
  readonly published: number
  /** The dead letters, as they were before they were replayed. */
  readonly found: readonly DeadLetter<Order>[]
  readonly report: ReplayReport
  /** Orders acknowledged, replayed ones among them. */
  readonly processed: number
  readonly deadLettered: number
  /** Dead letters in the end. */
  readonly left: number
  /** By order. */
  readonly boxes: ReadonlyMap<number, number>
  /** Handler threads that died. */
  readonly restarts: number
}

function sum(numbers: Iterable<number>): number {
  let total = 0
  for (const each of numbers) total += each
  return total
}

export function toText({ published, found, report, processed, left, boxes, restarts }: Result): string {
  const table = new Table({
    head: ['partition/offset', 'reason', 'failures', 'error', 'order'],
    style: { head: [], border: [] },
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
  })
  for (const { partition, offset, reason, failedAttempts, error, value } of found)
    table.push([`${partition}/${offset}`, reason, failedAttempts, error.message.slice(0, 60), JSON.stringify(value)])
  const grouped = (count: number): string => count.toLocaleString('en-US')
  return [
    `${grouped(published)} orders published; dead letters of the group packing, after ${restarts} threads died:`,
    table.toString(),
    `${report.replayed} repaired and replayed, ${left} left.`,
    `${grouped(processed)} orders packed, into ${grouped(sum(boxes.values()))} boxes.`,
  ].join('\n')
}

export function toJsonLine({
  published,
  found,
  report,
  processed,
  deadLettered,
  left,
  boxes,
  restarts,
}: Result): string {
  const reason = (name: string): number => found.filter(letter => letter.reason === name).length
  return JSON.stringify({
    published,
    deadLettered,
    timeout: reason('timeout'),
    crashed: reason('crashed'),
    failed: reason('failed'),
    replayed: report.replayed,
    left,
    processed,
    packed: boxes.size,
    boxes: sum(boxes.values()),
    restarts,
    letters: found.map(({ reason: why, failedAttempts, error, value }) => ({
      reason: why,
      failedAttempts,
      error: error.message,
      order: value,
    })),
  })
}
