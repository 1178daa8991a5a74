/** Options that several calls share. Types only; each is optional, and is checked once, where it enters. */

/**
 * A thread that dies is started again: at once the first time, then after 50 ms, doubling with a random fifth taken off,
 * to 5 s or a small part of `periodMs`; after 10 quiet seconds it begins anew. A death that a record was charged with
 * counts for nothing here: that record's attempts bound it.
 */
export interface RestartOptions {
  /** Restarts allowed within `periodMs`; default 10. */
  readonly intensity?: number | undefined
  /** Default 10,000 ms. */
  readonly periodMs?: number | undefined
}

/**
 * Called on the thread that created the broker. A message is one line: what is not printable in it is escaped (`\u001b`),
 * and 1,000 characters of it are shown. A logger that throws or rejects is told of once on stderr, and changes nothing.
 */
export interface Logger {
  warn(message: string): void
  error(message: string): void
}

export interface CloseOptions {
  /**
   * In ms, or `Infinity`; default 8,000 for `broker.close`, 30,000 for `run.stop`. After that they reject with an account of what
   * remained.
   */
  readonly timeoutMs?: number | undefined
}
