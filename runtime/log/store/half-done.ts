/**
 * Ends what a pass has written of frames that belong together, unless all of it is there.
 *
 * The thread that owns the logs, when it opens them: after the journal was replayed, and before anything is appended. Nothing of a
 * pass that is cut was ever acknowledged. A log that goes on behind the end of its pass was appended to later, so the pass was whole.
 *
 * Logs that promise to survive a loss of power are judged among themselves. Were they judged with the others, a loss of power that
 * takes the end of an `os` log would take what they have acknowledged. Bound: the logs of a host.
 */
import type { PassLog } from './pass-note.ts'

/** A log that a note names, as it was found. */
export interface FoundLog {
  readonly endOffset: number
  readonly isJournalled: boolean
}

/** Of these logs those that are to end where the pass began. Pure. */
export function halfDone<L extends FoundLog>(
  note: readonly PassLog[],
  find: (log: PassLog) => L | undefined,
): { readonly log: L; readonly before: number }[] {
  // Topics may have been deleted since, and then the pass was whole.
  const logs = note.flatMap(({ before, after, ...place }) => {
    const log = find({ before, after, ...place })
    return log === undefined ? [] : [{ log, before, after }]
  })
  if (logs.some(({ log, after }) => log.endOffset > after)) return []
  const lacking = logs.filter(({ log, after }) => log.endOffset < after)
  const isLacking = (isJournalled: boolean): boolean => lacking.some(({ log }) => !isJournalled || log.isJournalled)
  return logs.filter(({ log, before }) => log.endOffset > before && isLacking(log.isJournalled))
}
