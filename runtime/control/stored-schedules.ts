/**
 * The schedules that a broker's folder knows, in its catalog (broker-directory.ts).
 *
 * The control thread. What the texts say is not looked at here. Each write is durable when it returns.
 *
 * ```
 * schedule/<name>    text of the definition
 * tick/<name>        text of how far it is
 * ```
 *
 * Bound: schedules, with their definitions.
 */
import type { StateLog } from '../log/store/state-log.ts'
import type { KeptSchedule } from '../wire/control-calls.ts'

type Changes = readonly (readonly [string, unknown])[]

export class StoredSchedules {
  readonly #state: StateLog
  readonly #write: (changes: Changes) => void

  /** `write`: to the catalog, durably. */
  constructor(state: StateLog, write: (changes: Changes) => void) {
    this.#state = state
    this.#write = write
  }

  all(): KeptSchedule[] {
    const schedules: KeptSchedule[] = []
    for (const [key, definition] of this.#state.entries('schedule/')) {
      const name = key.slice(9)
      schedules.push({ name, definition: definition as string, progress: this.#state.get(`tick/${name}`) as string })
    }
    return schedules
  }

  /** In the place of what has its name; both are written, or neither. @throws MillraceError MILL_DISK */
  keep({ name, definition, progress }: KeptSchedule): void {
    this.#write([
      [`schedule/${name}`, definition],
      [`tick/${name}`, progress],
    ])
  }

  /** Of a schedule that is kept; of one that was forgotten nothing is. @throws MillraceError MILL_DISK */
  decide(name: string, progress: string): void {
    if (this.#state.has(`schedule/${name}`)) this.#write([[`tick/${name}`, progress]])
  }

  /** @throws MillraceError MILL_DISK */
  forget(name: string): void {
    this.#write([
      [`schedule/${name}`, undefined],
      [`tick/${name}`, undefined],
    ])
  }
}
