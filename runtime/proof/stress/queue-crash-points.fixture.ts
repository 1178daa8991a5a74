/**
 * The named places at which a process with work queues on disk is killed: those of every log that concern queues, and those of the file of
 * settled messages, and of segments that are removed or rewritten.
 *
 * Leaf, any thread.
 */
import { at, type CrashPoint, POINTS } from './crash-points.fixture.ts'

/** Of every log. */
const SHARED: readonly string[] = [
  'segmentWritten',
  'roll',
  'journalWritten',
  'checkpointSynced',
  'beforeCommit',
  'logCut',
  'journalHalfReplayed',
  'journalDismissed',
]

const SETTLED = /\/host-\d+\.settled$/

export const QUEUE_CRASH_POINTS: readonly CrashPoint[] = [
  { ...at('settledUnwritten', 'before', 'write', SETTLED), among: 300 },
  { ...at('settledWritten', 'after', 'write', SETTLED), among: 300 },
]

/** All at which a process with queues is killed. */
export const QUEUE_POINTS: readonly CrashPoint[] = [
  ...POINTS.filter(({ name }) => SHARED.includes(name)),
  ...QUEUE_CRASH_POINTS,
]
