/** A broker’s folder as its threads tell each other of it. Types only. */

/** A folder that is held. */
export interface HeldFolder {
  readonly directory: string
  readonly token: string
  /** Device and inode of the folder; null where those may change by themselves. */
  readonly identity: string | null
  /** Device and inode of the socket at control.sock; null: the holder has none there. */
  readonly socket: string | null
  /** The path of the open folder wherever it is moved to; null where the system has no such path. */
  readonly moved: string | null
}

/** Permission bits of what is made. The system takes those of the umask away, and what exists keeps its own. */
export interface FileModes {
  readonly folder: number
  readonly file: number
}

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
