/** How far a long program is, as a line on standard error each EVERY_MS; standard output has its results only. */

const EVERY_MS = 10_000

export class Progress {
  #nextMs = performance.now() + EVERY_MS

  /** To be called often. */
  say(text: () => string): void {
    const now = performance.now()
    if (now < this.#nextMs) return
    this.#nextMs = now + EVERY_MS
    process.stderr.write(`${text()}\n`)
  }
}
