/**
 * The schedules that a broker's folder knows, in its catalog (broker-directory.ts).
 *
 * The control thread. What a definition says is not looked at here. Each write is durable when it returns.
 *
 * ```
 * schedule/<name>    text of the definition
 * tick/<name>        number of the last tick that was decided
 * ```
 *
 * Bound: schedules, with their definitions.
 */
import type { StateLog } from '../log/store/state-log.ts'

export interface StoredSchedule {
  readonly name: string
  readonly definition: string
  /** The last tick that was decided; null: none was. */
  readonly tick: number | null
}

type Changes = readonly (readonly [string, unknown])[]

export class StoredSchedules {
  readonly #state: StateLog
  readonly #write: (changes: Changes) => void

  /** `write`: to the catalog, durably. */
  constructor(state: StateLog, write: (changes: Changes) => void) {
    this.#state = state
    this.#write = write
  }

  all(): StoredSchedule[] {
    const schedules: StoredSchedule[] = []
    for (const [key, definition] of this.#state.entries()) {
      if (!key.startsWith('schedule/')) continue
      const name = key.slice(9)
      const tick = (this.#state.get(`tick/${name}`) as number | undefined) ?? null
      schedules.push({ name, definition: definition as string, tick })
    }
    return schedules
  }

  /** In the place of what has its name; both are written, or neither. @throws MillraceError MILL_DISK */
  keep({ name, definition, tick }: StoredSchedule): void {
    this.#write([
      [`schedule/${name}`, definition],
      [`tick/${name}`, tick ?? undefined],
    ])
  }

  /** Of a schedule that is kept. @throws MillraceError MILL_DISK */
  decide(name: string, tick: number): void {
    this.#write([[`tick/${name}`, tick]])
  }

  /** @throws MillraceError MILL_DISK */
  forget(name: string): void {
    this.#write([
      [`schedule/${name}`, undefined],
      [`tick/${name}`, undefined],
    ])
  }
}
