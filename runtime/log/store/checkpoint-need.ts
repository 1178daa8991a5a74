/**
 * When a log store's next checkpoint is due, as far as its journal does not say so.
 *
 * The partition host's thread. Pure. Bound of what waits for one: `bytesMax` of frames in the journal, or ROLLED_MAX closed
 * segments.
 */

/** Number of closed segments that cause a checkpoint, however few bytes they have. */
const ROLLED_MAX = 64
/**
 * Frames outside the journal take none of its room: their checkpoints only bound the work of the next opening. Syncing
 * them as often cost a tenth of a microsecond for each record of 100 bytes.
 */
const UNJOURNALLED_SHARE = 16

export class CheckpointNeed {
  readonly #bytesMax: number
  /** Bytes appended and segments closed since a checkpoint was last begun. */
  #bytes = 0
  #rolled = 0
  #isWanted = false

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  appended(bytes: number, isJournalled: boolean): void {
    this.#bytes += isJournalled ? bytes : bytes / UNJOURNALLED_SHARE
  }

  /** A segment was closed. */
  rolled(): void {
    this.#rolled++
  }

  /** Someone waits for the marks to go on. */
  want(): void {
    this.#isWanted = true
  }

  get isDue(): boolean {
    return this.#isWanted || this.#bytes >= this.#bytesMax || this.#rolled >= ROLLED_MAX
  }

  /** One begins now. */
  forget(): void {
    this.#bytes = 0
    this.#rolled = 0
    this.#isWanted = false
  }
}
