/** A schedule as callers use it. The creating thread. */
import { integer } from '../options/option-rules.ts'
import type { ScheduleLoop } from '../schedule/schedule-loop.ts'
import { MillraceError } from '../words/errors.ts'
import type { Schedule, ScheduleStats } from '../words/schedule.ts'

const NEXT = integer(1, 1_000, 1)

/** What a client needs of all schedules. */
export interface ScheduleHome {
  remove(schedule: ScheduleClient): Promise<void>
  checkAccepts(): void
}

export class ScheduleClient implements Schedule {
  readonly loop: ScheduleLoop
  readonly counts: { -readonly [K in keyof ScheduleStats]: number } = { sent: 0, missed: 0, overlapped: 0, refused: 0 }
  /** Ends its wait for room in its target. */
  readonly abort: AbortController = new AbortController()
  isRemoved = false
  readonly #home: ScheduleHome

  constructor(home: ScheduleHome, loop: (client: ScheduleClient) => ScheduleLoop) {
    this.#home = home
    this.loop = loop(this)
  }

  get name(): string {
    return this.loop.definition.name
  }

  get target(): string {
    return this.loop.definition.target.name
  }

  get paused(): boolean {
    return this.loop.progress.paused
  }

  next(count?: number): readonly Date[] {
    const most = count === undefined ? 1 : NEXT.check(count, 'count')
    return this.loop.next(most).map(tick => new Date(tick))
  }

  stats(): ScheduleStats {
    return { ...this.counts }
  }

  async pause(): Promise<void> {
    this.#checkThere()
    await this.loop.pause()
  }

  async resume(): Promise<void> {
    this.#checkThere()
    await this.loop.resume()
  }

  async remove(): Promise<void> {
    if (!this.isRemoved) await this.#home.remove(this)
  }

  #checkThere(): void {
    this.#home.checkAccepts()
    if (this.isRemoved)
      throw new MillraceError('MILL_CLOSED', `schedule ${this.name} was removed; make it again with broker.schedule`)
  }
}
