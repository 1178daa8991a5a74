/** The yardstick of suite pipeline: of the rivals that do by hand what a stream does, the faster one of each case. Pure. */
import { isSameCase, type Row } from './row.ts'

export const bestByHand = 'best by hand'

const byHand: ReadonlySet<string> = new Set(['same-work', 'same-work-relayed'])

export function isByHand(subject: string): boolean {
  return byHand.has(subject)
}

/** For each case in which one of them ran, a row that has the figures of the best. */
export function withBestByHand(rows: readonly Row[]): readonly Row[] {
  const rates = rows.filter(({ metric, subject }) => metric === 'throughput' && isByHand(subject))
  const best = rates.filter(row => rates.every(other => !isSameCase(row, other) || other.median <= row.median))
  return [...rows, ...best.map(row => ({ ...row, subject: bestByHand, of: row.subject }))]
}
