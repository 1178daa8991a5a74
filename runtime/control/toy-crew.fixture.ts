/** A crew whose members are somewhere else, and only answer: all that whoever is to handle for runs has to write (crew.ts). */
import { CallError } from '../../actors/control-port.ts'
import type { ThreadEntry } from './catalog-entries.ts'
import type { Coordinator } from './coordinator.ts'
import type { Crew } from './crew.ts'
import type { MemberHandle } from './member-handle.ts'

export class ToyCrew implements Crew {
  readonly memberIds: readonly string[]
  readonly threads: readonly [] = []
  readonly heldUp: string = 'the toy is busy'
  /** What it was told: partitions as `assign 1` and `revoke 1`, and `pause`, `resume`, `retire`. */
  readonly told: string[] = []
  /** Whoever is assigned a partition does not come back from that. */
  hangs = false
  readonly #run: number
  readonly #thread: ThreadEntry
  readonly #coordinator: Coordinator
  readonly #givenUp: Promise<never>
  #giveUp: () => void = () => undefined

  constructor(run: number, thread: ThreadEntry, coordinator: Coordinator) {
    this.memberIds = [`${run}.a`, `${run}.b`]
    this.#run = run
    this.#thread = thread
    this.#coordinator = coordinator
    this.#givenUp = new Promise<never>((_, reject) => {
      this.#giveUp = () => reject(new CallError({ kind: 'closed', name: 'the toy', method: 'assign' }))
    })
    this.#givenUp.catch(() => undefined)
  }

  async start(): Promise<void> {}

  async join(): Promise<void> {
    await this.#coordinator.up(new Map(this.memberIds.map(id => [id, this.#member()])))
  }

  #member(): MemberHandle {
    return {
      run: this.#run,
      thread: this.#thread,
      confirms: false,
      prefetch: null,
      consumerPriority: 0,
      careful: async () => undefined,
      crashOf: async () => null,
      grown: () => undefined,
      refused: error => {
        throw error
      },
      assign: async ({ place }) => {
        this.told.push(`assign ${place.partition}`)
        if (this.hangs) await this.#givenUp
      },
      revoke: async cursor => {
        this.told.push(`revoke ${cursor}`)
        if (this.hangs) await this.#givenUp
        return { held: true }
      },
    }
  }

  async pause(isPaused: boolean): Promise<void> {
    this.told.push(isPaused ? 'pause' : 'resume')
  }

  watch(): number {
    return Number.POSITIVE_INFINITY
  }

  retire(): void {
    this.told.push('retire')
  }

  async end(timeoutMs: number): Promise<void> {
    if (timeoutMs === 0) this.#giveUp()
  }

  async fail(): Promise<void> {
    this.#giveUp()
  }
}
