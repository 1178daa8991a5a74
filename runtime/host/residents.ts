/**
 * Who lives on a partition host, and who of them is busy.
 *
 * The partition host's thread. Each kind of resident has a lane, and a pass goes through the lanes in their order: what partitions
 * take is committed before groups look at it. Only busy ones are given a step. One that rests is let go when the host is about
 * to sleep, or after LINGER_PASSES in which it did nothing: a ring in use is found by looking, before its producer hints at it.
 *
 * Every LOOK_MS all residents are woken, LOOKS of them in a pass: who should have woken one may have died before it did.
 *
 * Bound: the residents.
 */
import type { Resident, Staged } from '../resident/resident.ts'
import { DueTimes } from './due-times.ts'

const LINGER_PASSES = 16
const LOOK_MS = 5_000
const LOOKS = 256

interface Member {
  readonly resident: Resident
  readonly lane: Lane
  isBusy: boolean
  /** It is taken out. */
  isGone: boolean
  /** Passes in a row in which it did nothing. */
  idlePasses: number
}

interface Lane {
  /** What was staged up to here is committed behind it. */
  readonly commits: boolean
  busy: Member[]
}

/** A resident's place among them. */
export interface Residence {
  /** Gives it a step in the next pass, or in this one if its lane is still to come. */
  readonly wake: () => void
  /** Takes it out. */
  readonly leave: () => void
}

export class Residents {
  readonly #lanes: Lane[] = []
  readonly #all = new Set<Member>()
  readonly #dues = new DueTimes<Member>()
  readonly #commit: (staged: readonly Staged[]) => void
  readonly #woken: () => void
  #isPassing = false
  /** Steps so far: what the passes have cost. */
  steps = 0
  /** Those that are still to be woken in this round; null: between two rounds. */
  #round: Iterator<Member> | null = null
  #roundMs: number

  /**
   * `commit` brings what was staged to the disk, and tells the residents that staged it. `woken` is called when a resident is busy,
   * and a pass is due.
   */
  constructor(commit: (staged: readonly Staged[]) => void, woken: () => void, nowMs: number) {
    this.#commit = commit
    this.#woken = woken
    this.#roundMs = nowMs
  }

  /** A lane behind those that there are, and what adds residents to it. */
  lane(commits = false): (resident: Resident) => Residence {
    const lane: Lane = { commits, busy: [] }
    this.#lanes.push(lane)
    return resident => this.#add(lane, resident)
  }

  #add(lane: Lane, resident: Resident): Residence {
    const member: Member = { resident, lane, isBusy: false, isGone: false, idlePasses: 0 }
    this.#all.add(member)
    this.#wake(member)
    return { wake: () => this.#wake(member), leave: () => this.#leave(member) }
  }

  #wake(member: Member): void {
    member.idlePasses = 0
    if (member.isGone) return
    // Also for one that is busy: it may wait, and the host sleep. In a pass the host is awake.
    if (!member.isBusy || !this.#isPassing) this.#woken()
    if (member.isBusy) return
    member.isBusy = true
    member.lane.busy.push(member)
  }

  #leave(member: Member): void {
    member.isGone = true
    this.#all.delete(member)
    this.#dues.set(member, Number.POSITIVE_INFINITY)
    member.lane.busy = member.lane.busy.filter(other => other !== member)
  }

  wakeAll(): void {
    for (const member of this.#all) this.#wake(member)
  }

  /** Gives every busy resident a step; whether any did something. */
  pass(nowMs: number): boolean {
    this.#isPassing = true
    try {
      return this.#pass(nowMs)
    } finally {
      this.#isPassing = false
    }
  }

  #pass(nowMs: number): boolean {
    this.#dues.take(nowMs, member => this.#wake(member))
    this.#lookAround(nowMs)
    let worked = false
    let staged: Staged[] = []
    for (const lane of this.#lanes) {
      const { busy } = lane
      let hasIdled = false
      // Who is woken meanwhile in the same lane has its step in the next pass.
      for (let at = 0, count = busy.length; at < count; at++) {
        const member = busy[at] as Member
        if (member.isGone) continue
        this.steps++
        if (member.resident.work()) {
          worked = true
          member.idlePasses = 0
          const taken = member.resident.stage()
          if (taken !== null) staged.push(taken)
        } else if (++member.idlePasses >= LINGER_PASSES) hasIdled = true
      }
      if (staged.length > 0 && lane.commits) {
        this.#commit(staged)
        staged = []
      }
      if (hasIdled) this.#letGo(lane, nowMs, LINGER_PASSES)
    }
    return worked
  }

  #lookAround(nowMs: number): void {
    if (this.#round === null) {
      if (nowMs - this.#roundMs < LOOK_MS) return
      this.#roundMs = nowMs
      this.#round = this.#all.values()
    }
    for (let left = LOOKS; left > 0; left--) {
      const next = this.#round.next()
      if (next.done === true) {
        this.#round = null
        return
      }
      const { isBusy } = next.value
      this.#wake(next.value)
      // One look is enough.
      if (!isBusy) next.value.idlePasses = LINGER_PASSES - 1
    }
  }

  /** Lets those go that rest and did nothing for so many passes. */
  #letGo(lane: Lane, nowMs: number, idlePasses: number): void {
    const staying: Member[] = []
    for (const member of lane.busy) {
      if (member.idlePasses < idlePasses || member.resident.standing() !== 'rests') {
        staying.push(member)
        continue
      }
      member.isBusy = false
      this.#dues.set(member, nowMs + member.resident.dueInMs(nowMs))
    }
    lane.busy = staying
  }

  /** Before the host sleeps: lets all go that rest. Whether a reader's commit may let one of the others go on. */
  settle(nowMs: number): boolean {
    for (const lane of this.#lanes) this.#letGo(lane, nowMs, 0)
    return this.#some('waitsForCommit')
  }

  /** Whether a pass would do something now. */
  get isReady(): boolean {
    return this.#round !== null || this.#some('ready')
  }

  #some(standing: 'ready' | 'waitsForCommit'): boolean {
    return this.#lanes.some(({ busy }) => busy.some(({ resident }) => resident.standing() === standing))
  }

  /** In how many milliseconds a pass is due, whatever happens until then. */
  dueInMs(nowMs: number): number {
    let soonest = Math.min(this.#dues.soonestMs(), this.#roundMs + LOOK_MS) - nowMs
    for (const { busy } of this.#lanes)
      for (const { resident } of busy) soonest = Math.min(soonest, resident.dueInMs(nowMs))
    return Math.max(0, soonest)
  }
}
