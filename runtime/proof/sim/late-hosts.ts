/**
 * Watches how partition hosts sleep, and what they find when they wake (late-finds.ts).
 *
 * The simulated threads, on one stack; the classes that ship, of which nothing is changed.
 */
import type { GroupLetters } from '../../group/group-letters.ts'
import { GroupResident } from '../../host/group-resident.ts'
import { PartitionHost } from '../../host/partition-host.ts'
import { Residents } from '../../host/residents.ts'
import { PartitionReader } from '../../reader/partition-reader.ts'
import type { Resident } from '../../resident/resident.ts'
import type { Judge, SleepWatch } from './late-judge.ts'
import type { SimThread } from './scheduler.ts'

/** What is due is asked for at slightly different times. */
const DUE_SLACK_MS = 1

interface WatchedResident {
  readonly resident: Resident
  /** It was woken or due since its last step. */
  isCalled: boolean
  /** Its host has let it go. */
  rests: boolean
  /** What it waits for names nobody: it is asked whenever its host is awake. */
  waits: boolean
}

interface WatchedHost {
  readonly residents: Set<WatchedResident>
  /** Whoever says now that it rests is let go. */
  letsGo: boolean
  /** Where it sleeps; null: it is awake. */
  sleepsAt: number | null
  isRung: boolean
  /** It is about to sleep, and wants to be told of commits. */
  wantsCommits: boolean
  /** A commit came that no pass has seen. */
  hasUnseenCommit: boolean
  /** This pass is the first one after a sleep that nobody ended. */
  isUncalled: boolean
}

function newHost(): WatchedHost {
  return {
    residents: new Set(),
    letsGo: false,
    sleepsAt: null,
    isRung: false,
    wantsCommits: false,
    hasUnseenCommit: false,
    isUncalled: false,
  }
}

export function watchHosts(judge: Judge): SleepWatch {
  const hosts = new WeakMap<Residents, WatchedHost>()
  /** Of the process under way, and those before it, whose ports are kept for longer. */
  const byThread = new Map<SimThread, WatchedHost>()
  const byBell = new Map<number, WatchedHost>()
  const byCursor = new Map<number, WatchedHost>()
  const watched = (residents: Residents): WatchedHost => {
    const known = hosts.get(residents) ?? newHost()
    hosts.set(residents, known)
    return known
  }
  const letting = <T>(host: WatchedHost, act: () => T): T => {
    host.letsGo = true
    try {
      return act()
    } finally {
      host.letsGo = false
    }
  }
  const { lane, pass, settle, dueInMs, wakeAll } = Residents.prototype
  Residents.prototype.lane = function (commits) {
    const host = watched(this)
    const add = lane.call(this, commits)
    return resident => {
      const own = { resident, isCalled: true, rests: false, waits: false }
      host.residents.add(own)
      if (resident instanceof GroupResident) byCursor.set(resident.actor.place.cursor, host)
      const residence = add(seenResident(judge, host, own))
      return {
        wake: () => {
          own.isCalled = true
          residence.wake()
          if (host.sleepsAt !== null && !host.isRung)
            // Who has died while it rang leaves a bell that looks rung, until its end is known.
            judge.late(`${nameOf(resident)} was woken, and its host sleeps on`)
        },
        leave: () => {
          host.residents.delete(own)
          residence.leave()
        },
      }
    }
  }
  Residents.prototype.wakeAll = function () {
    for (const own of watched(this).residents) own.isCalled = true
    wakeAll.call(this)
  }
  Residents.prototype.pass = function (nowMs) {
    const host = watched(this)
    for (const own of host.residents) if (own.resident.dueInMs(nowMs) <= DUE_SLACK_MS) own.isCalled = true
    return letting(host, () => pass.call(this, nowMs))
  }
  Residents.prototype.settle = function (nowMs) {
    const host = watched(this)
    host.wantsCommits = letting(host, () => settle.call(this, nowMs))
    return host.wantsCommits
  }
  Residents.prototype.dueInMs = function (nowMs) {
    const host = watched(this)
    const sleepMs = dueInMs.call(this, nowMs)
    if (judge.thread !== null) byThread.set(judge.thread, host)
    judge.ask(() => [...host.residents].flatMap(own => lateAtSleep(own, nowMs, sleepMs)))
    return sleepMs
  }
  const { pass: passOfHost } = PartitionHost.prototype
  PartitionHost.prototype.pass = function () {
    const host = watched(this.residents)
    host.isUncalled = host.sleepsAt !== null && judge.sleptOut
    host.sleepsAt = null
    if (host.isUncalled) judge.sees()
    const worked = passOfHost.call(this)
    host.isUncalled = false
    if (!judge.hides) host.hasUnseenCommit = false
    return worked
  }
  const { commit } = PartitionReader.prototype
  PartitionReader.prototype.commit = function (offset) {
    const host = byCursor.get(this.assignment.cursor)
    if (host !== undefined && offset > this.committed) host.hasUnseenCommit = true
    commit.call(this, offset)
  }
  return {
    begin: (thread, address) => {
      const host = byThread.get(thread)
      if (host === undefined) return
      host.sleepsAt = address
      host.isRung = false
      byBell.set(address, host)
      if (host.wantsCommits && host.hasUnseenCommit) judge.wrong('a commit came while it went to sleep, and it sleeps')
    },
    rung: address => {
      const host = byBell.get(address)
      if (host !== undefined) host.isRung = true
    },
    forget: () => {
      byThread.clear()
      byBell.clear()
      byCursor.clear()
    },
  }
}

/** What is wrong when the host of a resident goes to sleep. */
function lateAtSleep(own: WatchedResident, nowMs: number, sleepMs: number): readonly string[] {
  const { resident } = own
  const late: string[] = []
  // Its host may have been held up since it was due.
  const dueMs = Math.max(0, resident.dueInMs(nowMs))
  if (dueMs < sleepMs - DUE_SLACK_MS)
    late.push(`${nameOf(resident)} is due in ${dueMs} ms, and its host goes to sleep for ${sleepMs}`)
  // A resident tells others of where it stands when its host asks it; here nobody is to be told.
  const standing = 'actor' in resident ? (resident.actor as Pick<Resident, 'standing'>).standing() : resident.standing()
  own.waits = standing === 'waits'
  return late
}

function seenResident(judge: Judge, host: WatchedHost, own: WatchedResident): Resident {
  const { resident } = own
  return {
    work: () => {
      const isHeldUp = host.isUncalled && !own.waits && waitsForWhatIsTold(resident)
      const worked = resident.work()
      if (worked && !own.isCalled) {
        if (own.rests) judge.late(`a look found something to do for ${nameOf(resident)}`)
        else if (isHeldUp) judge.late(`${nameOf(resident)} could go on while its host slept`)
      }
      own.isCalled = false
      own.rests = false
      return worked
    },
    standing: () => {
      const standing = resident.standing()
      if (host.letsGo && standing === 'rests') own.rests = true
      return standing
    },
    dueInMs: nowMs => resident.dueInMs(nowMs),
    stage: () => resident.stage(),
  }
}

/**
 * Whether threads tell its host of all that lets it go on. A group forgets its failures as their records are settled: nobody waits
 * for that, and a reader in the middle of its fetch does not tell of it.
 */
function waitsForWhatIsTold(resident: Resident): boolean {
  if (!(resident instanceof GroupResident)) return true
  return (resident.actor.letters as GroupLetters).waiting > 0
}

function nameOf(resident: Resident): string {
  return resident.constructor.name
}
