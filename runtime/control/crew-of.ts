/** Which crew handles for a run: threads of its own, if it asked for some, or the caller's. The control thread. */
import type { RunSpec } from '../wire/control-calls.ts'
import type { RunShape } from '../wire/member-calls.ts'
import type { Caller } from './caller.ts'
import { CallerCrew } from './caller-crew.ts'
import type { Catalog } from './catalog.ts'
import type { Coordinator } from './coordinator.ts'
import type { Crew } from './crew.ts'
import type { PartitionHosts } from './partition-hosts.ts'
import { ThreadCrew, type ThreadCrewUpcalls } from './thread-crew.ts'

export interface CrewParts {
  readonly catalog: Catalog
  readonly hosts: PartitionHosts
  /** Who started the run. */
  readonly caller: Caller
}

/** `spec`: what the run asked for; `shape`: what its members must know of it. */
export type CrewOf = (
  parts: CrewParts,
  spec: RunSpec,
  shape: RunShape,
  coordinator: Coordinator,
  upcalls: ThreadCrewUpcalls,
) => Crew

export const crewOf: CrewOf = (parts, { threads, confirms }, shape, coordinator, upcalls) => {
  const { catalog, hosts, caller } = parts
  return threads === null
    ? new CallerCrew(coordinator, shape, confirms, caller, catalog.memory, error => upcalls.failed(error))
    : new ThreadCrew({ catalog, partitions: hosts, coordinator }, shape, threads, confirms, upcalls)
}
