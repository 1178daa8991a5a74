/** What the programs of one run are about. Types only. */

/**
 * `mixed`: anything. `closing`: runs are stopped while failures are judged. `moving`: observers come and go. `full`: batches meet
 * a full topic. `claims`: a fast group that delivers at most once stands still. `outputs`: what handlers make finds no room.
 */
export const SUBJECTS = ['mixed', 'closing', 'moving', 'full', 'claims', 'outputs'] as const

export type Subject = (typeof SUBJECTS)[number]
