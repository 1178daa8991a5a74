/**
 * Watches how attached threads sleep, and what their readers find when they wake (late-finds.ts).
 *
 * The simulated threads, on one stack; the classes that ship, of which nothing is changed.
 */
import { AttachedThread } from '../../thread/attached-thread.ts'
import type { TurnTaker } from '../../thread/turn-taker.ts'
import type { Judge, SleepWatch } from './late-judge.ts'
import type { Event, SimThread } from './scheduler.ts'

/** The timer of a reader that is ready by the clock runs at once, when its thread is free. */
const READY_MS = 100

interface WatchedTaker {
  readonly taker: TurnTaker
  /**
   * A look found something to do for it, while timers of its thread were due and waited for the end of a long step. If one of them
   * wakes it, that is what the look was ahead of; null: nothing was found, or that is so.
   */
  timers: readonly Event[] | null
  /** Since when it has been ready while its thread sleeps; null: it is not. */
  readySinceMs: number | null
  isBusy: boolean
  /** Its last turn found nothing: it stays busy if it says that it is ready. */
  isAsked: boolean
}

export function watchThreads(judge: Judge): Pick<SleepWatch, 'begin' | 'forget'> {
  const attached = new WeakMap<AttachedThread, Map<number, WatchedTaker>>()
  const sleeping = new Map<SimThread, Map<number, WatchedTaker>>()
  const watched = (thread: AttachedThread): Map<number, WatchedTaker> => {
    const known = attached.get(thread) ?? new Map<number, WatchedTaker>()
    attached.set(thread, known)
    return known
  }
  const busy = (thread: AttachedThread, cursor: number | null): void => {
    for (const [own, taker] of watched(thread)) {
      if (cursor !== null && own !== cursor) continue
      taker.isBusy = true
      taker.timers = null
    }
  }
  const { addTaker, removeTaker, wake, verdict, lost, drain } = AttachedThread.prototype
  AttachedThread.prototype.addTaker = function (cursor, taker) {
    const takers = watched(this)
    const { thread } = judge
    if (thread !== null) sleeping.set(thread, takers)
    if (!Object.hasOwn(this, 'isWatched')) {
      const { more } = this
      const hinted = (own: number): void => {
        busy(this, own)
        more(own)
      }
      Object.assign(this, { isWatched: true, more: hinted })
    }
    takers.set(cursor, seenTaker(judge, cursor, taker))
    addTaker.call(this, cursor, taker)
  }
  AttachedThread.prototype.removeTaker = function (cursor, taker) {
    if (watched(this).get(cursor)?.taker === taker) watched(this).delete(cursor)
    removeTaker.call(this, cursor, taker)
  }
  AttachedThread.prototype.wake = function (cursor) {
    busy(this, cursor)
    wake.call(this, cursor)
  }
  AttachedThread.prototype.verdict = function (cursor, given) {
    busy(this, cursor)
    verdict.call(this, cursor, given)
  }
  AttachedThread.prototype.lost = function () {
    busy(this, null)
    lost.call(this)
  }
  AttachedThread.prototype.drain = function (then) {
    const worked = drain.call(this, then)
    if (judge.sleptOut) {
      judge.sees()
      if (worked) judge.late('receipts or verdicts came while it slept')
    }
    return worked
  }
  return {
    begin: thread =>
      judge.ask(() => [...(sleeping.get(thread) ?? [])].flatMap(([cursor, own]) => lateReader(judge, cursor, own))),
    forget: () => sleeping.clear(),
  }
}

function lateReader(judge: Judge, cursor: number, own: WatchedTaker): readonly string[] {
  const { nowMs } = judge
  if (own.timers?.every(({ run }) => run === null) === true) {
    own.timers = null
    return [foundFor(cursor)]
  }
  if (!own.taker.ready()) own.readySinceMs = null
  else own.readySinceMs ??= nowMs
  if (own.readySinceMs === null || nowMs - own.readySinceMs <= READY_MS) return []
  return [`the reader of cursor ${cursor} has been ready for ${nowMs - own.readySinceMs} ms`]
}

function foundFor(cursor: number): string {
  return `a look found something to do for the reader of cursor ${cursor}`
}

function seenTaker(judge: Judge, cursor: number, taker: TurnTaker): WatchedTaker {
  const own: WatchedTaker = { taker, timers: null, readySinceMs: null, isBusy: true, isAsked: false }
  const { turn, ready } = taker
  taker.turn = deadline => {
    own.readySinceMs = null
    const isLook = judge.sleptOut || (!own.isBusy && judge.nothingIsOnItsWay)
    const timers = isLook ? judge.overdueTimers : []
    const worked = turn.call(taker, deadline)
    if (isLook && worked) {
      if (timers.length === 0) judge.late(foundFor(cursor))
      // One that is over by now was its own.
      else if (timers.every(({ run }) => run !== null)) own.timers = timers
    }
    own.isAsked = !worked
    return worked
  }
  taker.ready = () => {
    const isReady = ready.call(taker)
    if (own.isAsked && !isReady) own.isBusy = false
    own.isAsked = false
    return isReady
  }
  return own
}
