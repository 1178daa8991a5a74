/**
 * Runs a handler over one partition: one delivery at a time, in order, with retries where they stand.
 *
 * The thread that handles (a handler host, or the caller's). A delivery ends in one of three ways: the handler returned
 * (the next one follows at once), its promise is pending (the partition waits, others on the thread go on), or it
 * failed (the group decides, and the partition waits for its verdict and for the backoff in it: failed-record.ts).
 *
 * Commits: per record in the slot's RETURNED word; the window is freed when a fetch is used up. With an output topic
 * the commit waits until what the fetch produced is confirmed (fetch-commits.ts). At most once it comes before the handler,
 * in COMMITTED. Records that end plainly stay in plain-run.ts; what else ends how is in handler-call.ts.
 */
import { nowMs } from '../../actors/world.ts'
import type { PartitionReader } from '../reader/partition-reader.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import type { Verdict } from '../thread/turn-taker.ts'
import { DeliveryInHand } from './delivery-in-hand.ts'
import type { ExecutorSetting } from './executor-setting.ts'
import { FetchCommits } from './fetch-commits.ts'
import type { HandlerExecutor } from './handler-executor.ts'
import { onStack } from './on-stack.ts'
import { type Held, heldIn } from './self-wait.ts'
import { Stride } from './stride.ts'

export class Executor implements HandlerExecutor {
  readonly slot: number
  readonly epoch: number
  readonly userState: unknown
  readonly #reader: PartitionReader
  readonly #setting: ExecutorSetting
  readonly #thread: AttachedThread
  readonly #hand: DeliveryInHand
  readonly #commits: FetchCommits
  readonly #stride = new Stride()
  /** Of the turn. */
  #deadline = 0
  #isTurnOver = false
  #paused = false
  #closing: (() => void) | null = null

  constructor(setting: ExecutorSetting, userState: unknown) {
    this.#setting = setting
    this.#thread = setting.thread
    this.#reader = setting.reader
    this.slot = setting.reader.assignment.slot
    this.epoch = setting.reader.assignment.epoch
    this.userState = userState
    this.#commits = new FetchCommits(setting)
    this.#hand = new DeliveryInHand(setting, userState, this.#commits, {
      mayGoOn: () => this.#mayGoOn(),
      goOn: () => this.#goOn(),
      fail: error => this.#fail(error),
    })
  }

  get calling(): Held | null {
    return heldIn(this.#thread, this.slot)
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#thread.wake(this.#reader.assignment.cursor)
  }

  close(): Promise<void> {
    const { state } = this.#hand
    const over = new Promise<void>(resolve => {
      this.#closing = resolve
      if (state === 'running' || state === 'held') this.#finish()
      else if (state === 'closed') resolve()
    })
    return over.then(() => this.#reader.close())
  }

  abandon(): void {
    if (this.#hand.state !== 'closed') this.#commits.close()
    this.#hand.abandon()
    this.#reader.close()
  }

  #finish(): void {
    const done = this.#closing
    if (done === null) return
    this.#hand.clearTimers()
    this.#hand.passed()
    if (this.#commits.hasUnconfirmed) {
      this.#confirm()
      return
    }
    this.#hand.enter('closed')
    this.#closing = null
    void Promise.resolve(this.#commits.finish(this.#hand.returnedTo)).then(done)
  }

  get #owesCommit(): boolean {
    return this.#commits.owes(this.#hand.returnedTo)
  }

  ready(): boolean {
    return this.#hand.state === 'running' && (this.#mayDeliver() || this.#owesCommit)
  }

  #mayDeliver(): boolean {
    return !this.#paused && this.#hand.mayDeliver()
  }

  turn(deadline: number): boolean {
    if (this.#hand.state !== 'running') return false
    if (!this.#mayDeliver()) {
      if (!this.#hand.current && !this.#reader.ready()) this.#hand.passed()
      return this.#commitOwed()
    }
    this.#thread.phase('executing')
    onStack(this.#thread, this.slot, () => this.#deliverUntil(deadline))
    return true
  }

  /**
   * Nothing can be handed out now: what has been handled is committed, or a window that is full because of it would
   * stay full, and nothing new would come to be handed out.
   */
  #commitOwed(): boolean {
    if (!this.#owesCommit) return false
    this.#endFetch(true)
    if (this.#hand.state === 'running') this.#thread.phase('idle')
    return true
  }

  #deliverUntil(deadline: number): void {
    const reader = this.#reader
    const hand = this.#hand
    this.#deadline = deadline
    this.#isTurnOver = false
    this.#stride.begin(nowMs())
    for (;;) {
      if (!hand.current) {
        if (reader.exhausted && !this.#endFetch()) return
        if (!reader.next()) {
          this.#thread.phase('idle')
          return
        }
        hand.current = true
      }
      if (!hand.isAdmitted()) {
        this.#thread.phase('idle')
        return
      }
      hand.current = false
      hand.deliver()
      if (hand.state !== 'running') return
      if (!hand.isOpen) {
        hand.passed(true)
        return
      }
      if (this.#closing !== null) {
        this.#finish()
        return
      }
      if (this.#turnIsOver()) return
    }
  }

  /** The fetch is used up: its records are committed, once their outputs are confirmed. False: that is not yet so. */
  #endFetch(isIdle = false): boolean {
    if (this.#commits.hasUnconfirmed) {
      this.#confirm(isIdle)
      return false
    }
    if (this.#reader.offset >= this.#reader.committed) {
      this.#commits.reached(this.#hand.returnedTo, isIdle)
      this.#thread.phase('executing')
    }
    return true
  }

  /** Commits when the outputs are confirmed, and goes on; `keeps`: when a snapshot is kept, too. */
  #confirm(isIdle = false, keeps = false): void {
    const upTo = this.#hand.returnedTo
    this.#hand.enter('confirming')
    this.#commits.confirm(upTo, keeps).then(
      () => {
        if (this.#hand.state !== 'confirming') return
        this.#commits.reached(upTo, isIdle)
        this.#hand.enter('running')
        this.#goOn()
      },
      // What was put out is not there: nothing of it is committed, and the run is told.
      (error: Error) => {
        if (this.#hand.state === 'confirming') this.#fail(error)
        else this.#closing?.()
      },
    )
  }

  /** It goes no further, and its run is told. */
  #fail(error: Error): void {
    this.#reader.fail(error)
    this.#commits.close()
    this.#hand.enter('closed')
    this.#closing?.()
  }

  #goOn(): void {
    if (this.#closing !== null) {
      this.#finish()
      return
    }
    this.#thread.wake(this.#reader.assignment.cursor)
  }

  /** Whether the record behind one that has ended plainly may be handed out at once. */
  #mayGoOn(): boolean {
    if (this.#setting.atMostOnce || this.#hand.state !== 'running' || this.#closing !== null) return false
    return this.#hand.isOpen && !this.#turnIsOver()
  }

  /** Looks at the clock now and then, after a delivery. */
  #turnIsOver(): boolean {
    if (!this.#isTurnOver && this.#stride.isOver()) {
      const now = nowMs()
      this.#stride.next(now)
      this.#isTurnOver = now >= this.#deadline || this.#paused
    }
    return this.#isTurnOver
  }

  verdict(verdict: Verdict): void {
    const reader = this.#reader
    // When the partition is being given up, its group remembers the verdict, and nothing goes out any more.
    const delayMs = this.#hand.heard(verdict)
    if (delayMs === null) return
    if (!reader.crowded && delayMs > 0) {
      this.#hand.hold(delayMs)
      return
    }
    this.#hand.enter('running')
    // The group forgets what is behind a commit, and waits for one when it can keep no more in mind.
    if (reader.crowded && this.#setting.keeper !== undefined) this.#confirm(false, true)
    else if (!reader.crowded || this.#endFetch()) this.#goOn()
  }
}
