/**
 * The named places at which a process with work queues on disk is killed: those of every log that concern queues, and those of the file of
 * settled messages, and of segments that are removed or rewritten.
 *
 * Leaf, any thread.
 */
import { at, type CrashPoint, halt, opening, POINTS } from './crash-points.fixture.ts'

/** Of every log. */
const SHARED: readonly string[] = [
  'segmentWritten',
  'roll',
  'journalWritten',
  'checkpointSynced',
  'beforeCommit',
  'retentionIndexGone',
  'retentionSegmentGone',
  'logCut',
  'journalHalfReplayed',
  'journalDismissed',
]

const SETTLED = /\/host-\d+\.settled$/
const SEGMENT_NEW = /\/topics\/\d+-\d+\/\d+\.log\.new$/
const SETTLED_NEW = /\/host-\d+\.settled\.new$/

export const QUEUE_CRASH_POINTS: readonly CrashPoint[] = [
  // One record for what a pass has settled and handed out: before that nobody has got it, and nothing is settled.
  { ...at('settledUnwritten', 'before', 'write', SETTLED, 'RecordLog.append'), among: 300 },
  halt('settledWritten'),
  { ...at('settledUnsynced', 'before', 'sync', SETTLED, 'RecordLog.sync'), among: 10 },
  { ...at('settledSynced', 'after', 'sync', SETTLED, 'RecordLog.sync'), among: 10 },
  // The file is written anew, and takes the place of the old one.
  at('settledHalfRewritten', 'after', 'write', SETTLED_NEW, 'RecordLog.rewrite', 'makeFile'),
  halt('settledRewritten'),
  halt('settledRenamed'),
  // Segments below the first message that is not settled are removed, and sparse ones written anew.
  halt('segmentsUnneeded'),
  { ...at('segmentHalfRewritten', 'after', 'write', SEGMENT_NEW), among: 5 },
  halt('segmentRewritten'),
  at('segmentUnindexed', 'before', 'rename', SEGMENT_NEW, 'replaceSegment'),
  halt('segmentReplaced'),
  at('segmentUnnamed', 'after', 'rename', SEGMENT_NEW, 'replaceSegment'),
  // The end of a write that a death has broken off is removed.
  opening(at('settledEndCut', 'after', 'truncate', SETTLED, 'SettledLog.open'), 'history'),
]

/** All at which a process with queues is killed. */
export const QUEUE_POINTS: readonly CrashPoint[] = [
  ...POINTS.filter(({ name }) => SHARED.includes(name)),
  ...QUEUE_CRASH_POINTS,
]
