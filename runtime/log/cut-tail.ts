/**
 * What was cut off the end of a file when it was opened. Leaf; any thread.
 *
 * A process that was killed, or a loss of power, may leave the end of what was being written half made. Only what was never
 * acknowledged as durable is cut; where something acknowledged is missing, opening fails (log-errors.ts).
 */
export interface CutTail {
  /** Its path. */
  readonly file: string
  /** From this byte on. */
  readonly position: number
  /** How many there were; 0: the file keeps its size, and what it holds ends there. */
  readonly bytes: number
  readonly why: string
}
