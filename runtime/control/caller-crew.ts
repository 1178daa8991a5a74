/**
 * The caller's thread as the only member of a run.
 *
 * The control thread. That thread cannot be ended as a handler thread can: a member that does not answer is given up by
 * rejecting the calls to it, as if its thread were gone. It is nobody's hang: a caller that blocks its own thread blocks its
 * publishing, too, and says so itself. The thread of an attached broker may end at any time; the record that it was handling is
 * charged then, as that of a handler thread is.
 */
import type { Memory } from 'sharedarraybuffer-ring'
import { CallError } from '../../actors/control-port.ts'
import { clearTimeout, setTimeout } from '../../actors/world.ts'
import type { SlotCrash } from '../wire/host-calls.ts'
import type { RunShape } from '../wire/member-calls.ts'
import type { SlotPlace } from '../wire/places.ts'
import { toWire } from '../words/errors.ts'
import type { Caller } from './caller.ts'
import type { Coordinator } from './coordinator.ts'
import { executingSlot } from './crash-blame.ts'
import type { Crew } from './crew.ts'
import type { MemberHandle } from './member-handle.ts'

/** What it must know of its run. */
type CallerShape = Pick<RunShape, 'run' | 'output' | 'prefetch' | 'consumerPriority'>

/** How long a run that failed is waited for. */
const FAILED_MS = 2_000

export class CallerCrew implements Crew {
  readonly memberIds: readonly string[]
  readonly threads: readonly [] = []
  readonly #coordinator: Pick<Coordinator, 'up'>
  readonly #shape: CallerShape
  readonly #confirms: boolean
  readonly #caller: Caller
  readonly #memory: Memory
  readonly #failed: (error: Error) => void
  /** Rejects when its thread is waited for no longer. */
  readonly #cut: Promise<never>
  #cutOff: () => void = () => undefined
  /** Calls under way, each of which `#cut` ends. */
  readonly #calls = new Set<Promise<unknown>>()
  #timer: NodeJS.Timeout | undefined

  /** `failed` is told when the member cannot take a partition. */
  constructor(
    coordinator: Pick<Coordinator, 'up'>,
    shape: CallerShape,
    confirms: boolean,
    caller: Caller,
    memory: Memory,
    failed: (error: Error) => void,
  ) {
    this.memberIds = [`${shape.run}`]
    this.#coordinator = coordinator
    this.#shape = shape
    this.#confirms = confirms
    this.#caller = caller
    this.#memory = memory
    this.#failed = failed
    this.#cut = new Promise<never>((_, reject) => {
      this.#cutOff = () => reject(new CallError({ kind: 'closed', name: 'the main thread', method: 'assign' }))
    })
    this.#cut.catch(() => undefined)
  }

  get heldUp(): string {
    const { output } = this.#shape
    const isPut = output === null ? '' : `, or topic ${output} has no room for what it puts out`
    return `a handler on the caller's thread is still busy (one that awaits this stop or close waits for itself)${isPut}`
  }

  async start(): Promise<void> {}

  async join(): Promise<void> {
    const { run, prefetch, consumerPriority } = this.#shape
    const { members, thread } = this.#caller
    const handle: MemberHandle = {
      run,
      thread,
      confirms: this.#confirms,
      prefetch,
      consumerPriority,
      careful: () => Promise.resolve(),
      crashOf: async slot => this.#crashOf(slot),
      // Callers hear of partitions without being members.
      grown: () => undefined,
      assign: assignment => this.#answered(members.assign(run, assignment)),
      revoke: (cursor, epoch, stop) => this.#answered(members.revoke(run, cursor, epoch, stop)),
      cancel: (cursor, epoch, tag, withinMs) => this.#answered(members.cancel(run, cursor, epoch, tag, withinMs)),
      refused: error => this.#failed(error as Error),
    }
    await this.#coordinator.up(new Map([[`${run}`, handle]]))
  }

  /** What the end of its thread says of the record in that slot; null: it lives, and was given up. */
  #crashOf({ slot }: SlotPlace): SlotCrash | null {
    if (!this.#caller.hasEnded()) return null
    const executing = executingSlot(this.#memory, this.#caller.thread)
    const { stack: _, ...error } = toWire('the attached thread ended while it handled this')
    return { reason: 'crashed', error, executing: executing === slot, charged: executing !== 0 }
  }

  /** The answer, for as long as it is waited for. */
  #answered<T>(answer: Promise<T>): Promise<T> {
    const answered = Promise.race([answer, this.#cut])
    const over = (): void => void this.#calls.delete(answered)
    this.#calls.add(answered)
    answered.then(over, over)
    return answered
  }

  async pause(isPaused: boolean): Promise<void> {
    const { run } = this.#shape
    const { members } = this.#caller
    await (isPaused ? members.pause(run) : members.resume(run))
  }

  watch(): number {
    return Number.POSITIVE_INFINITY
  }

  retire(): void {}

  async end(timeoutMs: number): Promise<void> {
    this.#cutAfter(timeoutMs)
    await Promise.allSettled([...this.#calls])
    clearTimeout(this.#timer)
  }

  async fail(): Promise<void> {
    this.#cutAfter(FAILED_MS)
  }

  #cutAfter(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(this.#cutOff, ms)
  }
}
