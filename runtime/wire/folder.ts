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

/** Permission bits of new files and folders. The system subtracts the umask, and existing ones keep theirs. */
export interface FileModes {
  readonly folder: number
  readonly file: number
}

/**
 * The part that opening has cut off the end of a file. Leaf; any thread.
 *
 * A killed process or a loss of power may leave the end of a file incomplete. Only bytes that were never acknowledged
 * as durable are cut. Where acknowledged bytes are missing, opening fails (log-errors.ts).
 */
export interface CutTail {
  /** Path of the file. */
  readonly file: string
  /** First byte that was cut off. */
  readonly position: number
  /** Number of bytes; 0: the file keeps its size, and its content ends at `position`. */
  readonly bytes: number
  readonly why: string
}
