/** Points of a log store for tests. Types only. */

/** Points at which a test may end the process. */
export type FaultPoint =
  | 'segmentWritten'
  | 'roll'
  | 'journalWritten'
  | 'journalReuse'
  | 'checkpointSynced'
  | 'marksWritten'
  | 'compaction'
  | 'truncation'
  | 'recovery'
  | 'settledWritten'
  | 'settledRewritten'
  | 'settledRenamed'
  | 'settledCut'
  | 'segmentsUnneeded'
  | 'segmentRewritten'
  | 'segmentReplaced'
  | 'segmentsJoined'
  | 'jointNoted'
  | 'jointJournalled'
