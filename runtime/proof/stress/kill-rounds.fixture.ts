/**
 * Many kills as several runs of a few, so that each history fits into its journal and is judged in seconds.
 *
 * Main thread. Bound: KILLS_MAX kills a round, which is some fifteen seconds of load.
 */
import { type KillOptions, type KillReport, runKills } from './kills.fixture.ts'

const KILLS_MAX = 20

type Counts = Readonly<Record<string, number | undefined>>

function total(counts: Counts = {}): number {
  return Object.values(counts).reduce<number>((sum, count = 0) => sum + count, 0)
}

/** What of these counts falls to round `round` of `rounds`; all rounds together have them all. */
function shareOf(counts: Counts, round: number, rounds: number): Record<string, number> {
  const upTo = (count: number, end: number): number => Math.floor((count * end) / rounds)
  return Object.fromEntries(
    Object.entries(counts).map(([aim, count = 0]) => [aim, upTo(count, round + 1) - upTo(count, round)]),
  )
}

function sum(counts: readonly Counts[]): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const each of counts)
    for (const [name, count = 0] of Object.entries(each)) sums[name] = (sums[name] ?? 0) + count
  return sums
}

/** Kills as `runKills` does, in as many rounds as it takes, and reports on them as on one. */
export async function runKillsInRounds(options: KillOptions): Promise<KillReport> {
  const { handlerKills = {}, hostKills = {} } = options
  const rounds = Math.max(1, Math.ceil((total(handlerKills) + total(hostKills)) / KILLS_MAX))
  const reports: KillReport[] = []
  for (let round = 0; round < rounds; round++) {
    const share: KillOptions = {
      ...options,
      handlerKills: shareOf(handlerKills, round, rounds),
      hostKills: shareOf(hostKills, round, rounds),
    }
    reports.push(await runKills(share))
  }
  const added = (pick: (report: KillReport) => number): number => reports.reduce((all, report) => all + pick(report), 0)
  return {
    problems: reports.flatMap(({ problems }) => problems),
    published: added(({ published }) => published),
    deliveries: added(({ deliveries }) => deliveries),
    phases: sum(reports.map(({ phases }) => phases)),
    executing: added(({ executing }) => executing),
    points: sum(reports.map(({ points }) => points)),
    missed: added(({ missed }) => missed),
    recoveryMs: reports.flatMap(({ recoveryMs }) => recoveryMs),
    seconds: added(({ seconds }) => seconds),
  }
}
