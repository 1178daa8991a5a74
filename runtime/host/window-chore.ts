/** The windows of a host that are larger than at rest, or may have to be, as a resident: looked at while there are any. */
import { nowMs } from '../../actors/world.ts'
import { WindowLoans } from '../partition/window-loans.ts'
import type { Standing } from '../resident/resident.ts'
import type { HostNotice } from '../wire/host-calls.ts'
import { Chore } from './chore.ts'

export class WindowChore extends Chore {
  readonly loans: WindowLoans

  constructor(lookMs: number, tell: (notice: HostNotice) => void) {
    super()
    this.loans = new WindowLoans(lookMs, tell, () => this.wake())
  }

  work(): boolean {
    this.loans.tend(nowMs())
    return false
  }

  standing(): Standing {
    return 'rests'
  }

  override dueInMs(nowMs: number): number {
    return Math.ceil(this.loans.dueInMs(nowMs))
  }
}
