/**
 * A resident of which a host has one: work that concerns many others, such as a write for all of them.
 *
 * The partition host's thread.
 */
import type { Resident, Staged, Standing } from '../resident/resident.ts'
import type { Residence } from './residents.ts'

export abstract class Chore implements Resident {
  #residence: Residence | null = null

  /** Takes its place among the residents. */
  join(add: (resident: Resident) => Residence): this {
    this.#residence = add(this)
    return this
  }

  protected wake(): void {
    this.#residence?.wake()
  }

  abstract work(): boolean
  abstract standing(): Standing

  dueInMs(_nowMs: number): number {
    return Number.POSITIVE_INFINITY
  }

  stage(): Staged | null {
    return null
  }
}
