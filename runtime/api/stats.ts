/**
 * What `stats` and `lag` say: the reports of partition hosts, added up over a topic or a group. Pure; the creating thread.
 *
 * A new counter is a field of the report and a name here.
 */

import type { QueueSummary } from '../wire/queue-calls.ts'
import type { GroupReport, GroupSummary, HostPartitionStats } from '../wire/reports.ts'
import { totalOf } from '../words/counters.ts'
import type { GroupStats } from '../words/listing.ts'
import type { QueueStats } from '../words/queue-stats.ts'
import type { TopicStats } from '../words/topic.ts'

const GROUP_COUNTERS = [
  'processed',
  'deadLettered',
  'passedOver',
  'deadLetterDepth',
  'failures',
  'lag',
] as const satisfies readonly (keyof GroupStats & keyof GroupReport)[]

export function groupStatsOf({ topic, group, restarts, threads, reports }: GroupSummary): GroupStats {
  return {
    topic,
    group,
    ...totalOf(GROUP_COUNTERS, reports),
    waitsForDeadLetters: reports.some(({ waitsForDeadLetters }) => waitsForDeadLetters),
    restarts,
    threads,
    partitions: reports.map(({ partition, committed, highWatermark, lag, waitsForDeadLetters }) => ({
      partition,
      committed,
      highWatermark,
      lag,
      waitsForDeadLetters,
    })),
  }
}

export function topicStatsOf(reports: readonly HostPartitionStats[], waitingForRate: number): TopicStats {
  return {
    partitions: reports.map(({ dropped: _dropped, deadLetterDepth: _depth, ...stats }) => stats),
    ...totalOf(['dropped'], reports),
    waitingForRate,
  }
}

export function queueStatsOf({ queue, restarts, report }: QueueSummary): QueueStats {
  const { dying, ...counts } = report
  return { queue, ...counts, waitsForDeadLetters: dying > 0, restarts }
}
