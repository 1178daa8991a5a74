/**
 * What a caller asks of runs: to start one, and what becomes of it; and the states that handlers keep.
 *
 * The control thread. A run is that of whoever started it (caller.ts), and is known before its threads start, so that its group cannot be
 * deleted meanwhile.
 */
import type { QueueRunSpec, RunSpec } from '../wire/control-calls.ts'
import type { RunShape } from '../wire/member-calls.ts'
import type { HandlerSnapshot } from '../wire/places.ts'
import { closedError } from '../words/closed-error.ts'
import type { CallGate } from './call-gate.ts'
import type { Caller } from './caller.ts'
import type { Catalog } from './catalog.ts'
import type { GroupEntry } from './catalog-entries.ts'
import type { Openings } from './openings.ts'
import type { QueueCalls } from './queue-calls.ts'
import type { Runs } from './runs.ts'
import type { WindowLending } from './window-lending.ts'

export interface RunCallParts {
  readonly gate: CallGate
  readonly catalog: Catalog
  readonly openings: Openings
  readonly windows: WindowLending
  readonly queues: QueueCalls
  readonly runs: Runs
}

export class RunCalls {
  readonly #parts: RunCallParts

  constructor(parts: RunCallParts) {
    this.#parts = parts
  }

  /** @throws MillraceError MILL_CLOSED, also when the caller's thread has ended */
  async start(
    asked: RunSpec | QueueRunSpec,
    caller: Caller,
  ): Promise<{ readonly run: number; readonly shape: RunShape }> {
    const { gate, openings, windows, queues, runs } = this.#parts
    const spec = 'group' in asked ? asked : queues.runOf(asked)
    const run = await gate.whileOpen(async () => {
      openings.checkOutput(spec, runs.specs)
      const group = await windows.withRoom(() => openings.group(spec))
      if (caller.hasEnded()) throw closedError()
      return runs.add(spec, group, caller)
    })
    return { run, shape: await runs.start(run) }
  }

  /** Keeps the state of a member's handler; false: its reader has been replaced. @throws MillraceError MILL_DISK */
  keepSnapshot(cursor: number, epoch: number, snapshot: HandlerSnapshot): boolean {
    const { catalog } = this.#parts
    const group = [...catalog.groups.values()].find(one => isOpen(one, cursor, epoch))
    if (group === undefined) return false
    catalog.snapshots.keep(`${cursor}`, snapshot, catalog.topic(group.spec.topic).shape.log !== null)
    return true
  }
}

/** Whether this is still the reader of the partition. */
function isOpen({ slots }: GroupEntry, cursor: number, epoch: number): boolean {
  return [...slots.values()].some(slot => slot.cursor === cursor && slot.epoch === epoch)
}
