/**
 * What is asked of a group: how far it is, to wait for it, to move it, to delete it.
 *
 * The control thread. A group that a process before has left in the folder is there without being run: it is opened when it is
 * first asked for, as the folder has it, and whoever joins it later sets its options.
 */

import type { PartitionPlace } from '../wire/places.ts'
import type { GroupSummary } from '../wire/reports.ts'
import type { StartPosition } from '../wire/start-position.ts'
import { MillraceError } from '../words/errors.ts'
import type { GroupInfo } from '../words/listing.ts'
import type { CallGate } from './call-gate.ts'
import type { Catalog } from './catalog.ts'
import { type GroupEntry, settledOf } from './catalog-entries.ts'
import type { Deletions } from './deletions.ts'
import { listGroups } from './listing.ts'
import type { Openings } from './openings.ts'
import type { PartitionHosts } from './partition-hosts.ts'
import type { Runs } from './runs.ts'

export interface GroupCallParts {
  readonly gate: CallGate
  readonly catalog: Catalog
  readonly hosts: PartitionHosts
  readonly openings: Openings
  readonly runs: Runs
  readonly deletions: Deletions
}

export class GroupCalls {
  readonly #gate: CallGate
  readonly #catalog: Catalog
  readonly #hosts: PartitionHosts
  readonly #openings: Openings
  readonly #runs: Runs
  readonly #deletions: Deletions

  constructor({ gate, catalog, hosts, openings, runs, deletions }: GroupCallParts) {
    this.#gate = gate
    this.#catalog = catalog
    this.#hosts = hosts
    this.#openings = openings
    this.#runs = runs
    this.#deletions = deletions
  }

  /** `letters`: also how many dead letters wait, for which their topics are opened. */
  async stats(id: number, name: string, letters: boolean): Promise<GroupSummary> {
    const topic = this.#catalog.topic(id)
    const base = { topic: topic.shape.name, group: name }
    const group = await this.#known(id, name, letters)
    if (group === undefined) return { ...base, restarts: 0, threads: 0, reports: [] }
    const cursors = settledOf(topic, group.places).map(place => place.cursor)
    const reports = (await this.#hosts.all(api => api.groupReports(cursors)))
      .flat()
      .sort((a, b) => a.partition - b.partition)
    return {
      ...base,
      restarts: this.#runs.restartsOf(group),
      threads: this.#runs.ownersOf(group),
      reports,
    }
  }

  async #known(id: number, name: string, letters: boolean): Promise<GroupEntry | undefined> {
    const open = this.#catalog.groups.find(id, name)
    if (open !== undefined && open.joined !== null) return open
    return this.#gate.serially(async () => {
      const topic = this.#catalog.topic(id)
      const group = await this.#openings.knownGroup(id, name)
      if (letters && group?.joined === null) await this.#openings.openLettersOf(topic)
      return group
    })
  }

  async idle(id: number, name: string, butLater: boolean, wait: number): Promise<void> {
    const group = this.#catalog.groups.find(id, name)
    if (group === undefined) return
    const cursors = settledOf(this.#catalog.topic(id), group.places).map(place => place.cursor)
    await this.#hosts.all(api => api.idle(cursors, butLater, wait))
  }

  async leaveIdle(wait: number): Promise<void> {
    await this.#hosts.all(api => api.leaveIdle(wait))
  }

  async list(topic: number): Promise<readonly GroupInfo[]> {
    this.#catalog.topic(topic)
    return listGroups(this.#catalog, this.#runs, topic, this.#openings.groupNames(topic))
  }

  delete(topic: number, name: string): Promise<void> {
    return this.#gate.whileOpen(() => this.#deletions.group(topic, name))
  }

  /** `partition` null: all. */
  seek(id: number, name: string, partition: number | null, place: StartPosition): Promise<void> {
    return this.#gate.whileOpen(() => this.#seek(id, name, partition, place))
  }

  async #seek(id: number, name: string, partition: number | null, place: StartPosition): Promise<void> {
    const topic = this.#catalog.topic(id)
    const group = await this.#openings.knownGroup(id, name)
    if (group === undefined)
      throw new MillraceError(
        'MILL_INVALID_OPTION',
        `there is no group ${name} yet: \`from\` says where a new one starts`,
      )
    if (this.#runs.isRunning(group))
      throw new MillraceError('MILL_GROUP_BUSY', `group ${name} is running; stop its runs before it is moved`)
    for (const { cursor, partition: its } of group.places) {
      if (partition !== null && partition !== its) continue
      const { host } = topic.places[its] as PartitionPlace
      // Durable there first: until its state is forgotten, that and its offset are what the group is known by.
      await this.#hosts.call(host, api => api.seekGroup(cursor, place))
      this.#catalog.snapshots.forgetDurably([`${cursor}`])
    }
  }
}
