/** Options that several calls share. Types only; each is optional, and is checked once, where it enters. */

/**
 * Limits on the restarts of a thread that dies.
 *
 * The first restart is immediate. The next waits 50 ms, and each further one twice as long, less a random fifth, up to 5 s or a
 * small part of `periodMs`. After 10 quiet seconds the waits begin anew. A death that is charged to a record does not count
 * here: that record's attempts bound it.
 */
export interface RestartOptions {
  /** Restarts allowed within `periodMs`, 0 to 1,000,000; default 10. */
  readonly intensity?: number | undefined
  /** Length of the period, in ms; default 10,000. */
  readonly periodMs?: number | undefined
}

/**
 * A rate: at most `max` in any `perMs`, wherever that time begins. All of `max` may come at once.
 *
 * The time is that of a clock which only goes forward. A pause of any length allows `max`, never more.
 */
export interface Rate {
  /** Number allowed within `perMs`, 1 to 1,000,000. */
  readonly max: number
  /** Length of the time, in ms, from 1 to 2,147,483,647. */
  readonly perMs: number
}

/**
 * A logger of the broker's lines, called on the thread that created the broker.
 *
 * A message is one line of at most 1,000 characters, with unprintable ones escaped (`\u001b`). A logger that throws or rejects is
 * reported once on stderr, and changes nothing.
 */
export interface Logger {
  /** Takes a line about an event from which the broker continues. */
  warn(message: string): void
  /** Takes a line about a failure: `failed` or `publishFailed`. */
  error(message: string): void
}

/** Options of `broker.close` and `run.stop`. */
export interface CloseOptions {
  /**
   * Time limit in ms, or `Infinity`; default 8,000 for `broker.close`, 30,000 for `run.stop`. Beyond it they reject with an account
   * of the remaining work.
   */
  readonly timeoutMs?: number | undefined
}
