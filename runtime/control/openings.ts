/**
 * Opens topics and groups: each is made once, and whoever opens it again must want the same.
 *
 * The control thread, one opening at a time. What exists is the catalog's; the partition hosts are told before an
 * opening resolves.
 */
import type { Calls } from '../../actors/control-port.ts'
import { letterPartition } from '../dead-letters/letter-partition.ts'
import { DEAD_LETTER_EXTRA_BYTES } from '../group/dead-letter.ts'
import type { GroupSpec, RunSpec } from '../wire/control-calls.ts'
import type { PartitionHostApi } from '../wire/host-calls.ts'
import type { GroupPlace, RetryPolicy, TopicShape } from '../wire/places.ts'
import { kindOf, titleOf } from '../wire/produced-topic.ts'
import { MillraceError } from '../words/errors.ts'
import { checkName } from '../words/names.ts'
import type { BrokerDirectory, GroupName } from './broker-directory.ts'
import type { Catalog } from './catalog.ts'
import type { GroupEntry, TopicEntry } from './catalog-entries.ts'
import { cutSnapshots } from './cut-snapshots.ts'
import { leadsTo } from './cycles.ts'
import type { PartitionHosts } from './partition-hosts.ts'
import { hostOf } from './placement.ts'
import { checkSame, checkSamePolicy, FIXED, SETTLED, type TopicSettings } from './same-options.ts'
import type { TopicRemoval } from './topic-removal.ts'
import { topicSizes } from './topic-sizes.ts'

const FOR_EVER: number = Number.POSITIVE_INFINITY

const DEFAULT_POLICY: RetryPolicy = {
  attempts: 5,
  initialMs: 100,
  maxMs: 10_000,
  jitter: 0.2,
  hasDeadLetters: false,
  atMostOnce: false,
  order: 'partition',
}

export class Openings {
  readonly #catalog: Catalog
  readonly #hosts: PartitionHosts
  readonly #directory: BrokerDirectory | null
  readonly #removal: TopicRemoval

  constructor(catalog: Catalog, hosts: PartitionHosts, directory: BrokerDirectory | null, removal: TopicRemoval) {
    this.#catalog = catalog
    this.#hosts = hosts
    this.#directory = directory
    this.#removal = removal
  }

  /** The topic of that name; `given` are the options that the caller named, which must be those of a known topic. */
  async topic(name: string, settings: TopicSettings, given: readonly string[]): Promise<TopicEntry> {
    const known = this.#catalog.topicsByName.get(name)
    if ((known?.shape ?? this.#directory?.topic(name)?.shape)?.queue !== undefined)
      throw new MillraceError(
        'MILL_CONFIG_MISMATCH',
        `${name} is a queue, not a topic: open it with broker.queue, or use another name`,
      )
    if (known !== undefined) checkSame(`topic ${name}`, known.shape, settings, given, SETTLED)
    const topic = known ?? (await this.make(this.#shapeOf(name, settings, given)))
    this.share(topic)
    await this.#nameGroups(topic, settings.groups)
    return topic
  }

  /** Somebody else uses the topic than the group whose dead letters it was made for: it stays when that goes. */
  share(topic: TopicEntry): void {
    if (topic.madeFor === null) return
    topic.madeFor = null
    this.#catalog.keepTopic(topic)
  }

  /** What is to be opened: as the folder has it, but for what the caller wants otherwise and may change. */
  #shapeOf(name: string, settings: TopicSettings, given: readonly string[]): TopicShape {
    const { partitions, codec, maxMessageBytes, windowBytes, onFull, publishRate } = settings
    const durability = settings.durability ?? (this.#directory === null ? 'memory' : 'fsync')
    if (durability !== 'memory' && this.#directory === null)
      throw new MillraceError(
        'MILL_INVALID_OPTION',
        `topic ${name} cannot have the durability '${durability}': the broker keeps nothing on disk; give createBroker a dir`,
      )
    const wanted = { partitions, codec, maxMessageBytes, windowBytes, onFull, publishRate, durability }
    const { segmentBytes, retentionMs, retentionBytes } = settings
    const stored = this.#directory?.topic(name)?.shape
    if (stored?.log == null) {
      const isOnDisk = durability !== 'memory'
      const log = isOnDisk ? { segmentBytes, retentionMs, retentionBytes } : null
      const sizes = isOnDisk ? {} : topicSizes(settings, given, this.#catalog.shared)
      return { id: this.#catalog.nextStoredId(), name, ...wanted, ...sizes, log }
    }
    checkSame(`topic ${name}`, stored, settings, given, FIXED)
    const chosen = <K extends string>(named: { readonly [N in K]: unknown }, ...names: readonly K[]): object =>
      Object.fromEntries(names.filter(each => given.includes(each)).map(each => [each, named[each]]))
    return {
      ...stored,
      ...chosen(settings, 'windowBytes', 'onFull', 'publishRate'),
      log: { ...stored.log, ...chosen(settings, 'segmentBytes', 'retentionMs', 'retentionBytes') },
    }
  }

  /** Topics that hold dead letters of this one, which this process may not have opened, or not for its letters. */
  async openLettersOf(source: TopicEntry): Promise<void> {
    const { id } = source.shape
    for (const { shape, deadLettersOf, madeFor } of this.#directory?.topics() ?? []) {
      if (!deadLettersOf.includes(id) && madeFor?.topic !== id) continue
      const topic = this.#catalog.topics.get(shape.id) ?? (await this.make(shape))
      await this.#addDesks(topic, source)
    }
    // Whoever made it may have ended, or have found no memory, before it could take any.
    for (const topic of this.#catalog.topics.values())
      if (topic.madeFor?.topic === id && !topic.deadLettersOf.has(id)) await this.#addDesks(topic, source)
  }

  /** Groups that gate the topic before anyone joins them; who joins first sets their options. */
  async #nameGroups({ shape: { id } }: TopicEntry, groups: readonly string[]): Promise<void> {
    for (const group of groups)
      if ((await this.knownGroup(id, group)) === undefined) await this.#addGroup(unjoined(id, group), -1, false)
  }

  /** The group of that name, as the folder has it if nobody has opened it in this process; undefined: there is none. */
  async knownGroup(topic: number, group: string): Promise<GroupEntry | undefined> {
    const known = this.#catalog.groups.find(topic, group)
    if (known !== undefined || this.#directory?.groups.cursors(topic, group) === undefined) return known
    return this.#addGroup(unjoined(topic, group), -1, null)
  }

  /** Names of the groups that read a topic, opened in this process or before, sorted. */
  groupNames(topic: number): string[] {
    const names = new Set(this.#directory?.groups.names(topic))
    for (const { spec } of this.#catalog.groups.values()) if (spec.topic === topic) names.add(spec.group)
    return [...names].sort()
  }

  /** Tells partition hosts of a group that nobody has joined any more. */
  async reopen(group: GroupEntry): Promise<void> {
    await this.#placeGroup(group, (api, place) => api.reopenGroup(place))
  }

  /** A topic that was made for the dead letters of this group, opened for them; null: there is none of that name any more. */
  async lettersOf({ topic: source }: GroupName, name: string): Promise<TopicEntry | null> {
    const stored = this.#directory?.topic(name)?.shape
    const topic = this.#catalog.topicsByName.get(name) ?? (stored === undefined ? null : await this.make(stored))
    if (topic !== null) await this.#addDesks(topic, this.#catalog.topic(source))
    return topic
  }

  /** A topic, or the one that a queue is inside. What could not be made leaves nothing behind; one that is on disk already stays there. */
  async make(shape: TopicShape, madeFor?: GroupName): Promise<TopicEntry> {
    const stored = this.#directory?.topic(shape.name)
    if (this.#catalog.exchanges.named(shape.name) !== undefined) throw isExchange(shape)
    const topic = this.#catalog.addTopic(shape, madeFor ?? stored?.madeFor ?? null)
    const groups = shape.log === null ? [] : (this.#directory?.groups.of(shape.id) ?? [])
    const membersOf = (partition: number): number[] => groups.map(cursors => cursors[partition] as number)
    const making = this.#hosts.all(async (api, host) => {
      const here = topic.places.filter(place => place.host === host)
      await Promise.all(
        here.map(async place => {
          const cursors = membersOf(place.partition)
          const end = await api.addPartition(place, topic.shape, cursors)
          if (end !== null) cutSnapshots(this.#catalog.snapshots, cursors, end)
        }),
      )
    })
    const made = making.then(() => {
      if (shape.log !== null) this.#directory?.topicMade(shape.name)
    })
    await made.catch(async (error: unknown) => {
      if (stored === undefined) await this.#removal.remove(topic).catch(() => undefined)
      else await this.#removal.close(topic)
      throw error
    })
    return topic
  }

  /**
   * Whether a run may put out what its handlers return, beside those that run.
   *
   * @throws MillraceError MILL_INVALID_OPTION when there is no such topic, or it leads back to the one that is read
   */
  checkOutput(
    { output, topic }: Pick<RunSpec, 'output' | 'topic'>,
    running: readonly Pick<RunSpec, 'output' | 'topic'>[],
  ): void {
    if (output === null) return
    const idOf = (name: string): number | undefined => this.#catalog.topicsByName.get(name)?.shape.id
    const id = idOf(output)
    if (id === undefined) {
      throw new MillraceError(
        'MILL_INVALID_OPTION',
        `there is no topic ${output} for the output; open it with broker.topic first`,
      )
    }
    const flows = running.flatMap(run => {
      const to = run.output === null ? undefined : idOf(run.output)
      return to === undefined ? [] : [{ from: run.topic, to }]
    })
    if (!leadsTo(id, topic, flows)) return
    throw new MillraceError(
      'MILL_INVALID_OPTION',
      `the output ${output} leads back to the topic that the group reads: once that is full the group would wait for itself; use another topic, or context.publish, which gives up in time`,
    )
  }

  /** The group that `spec` names, joined, with its dead-letter topic. */
  async group(spec: GroupSpec): Promise<GroupEntry> {
    const known = this.#catalog.groups.find(spec.topic, spec.group)
    if (known !== undefined) checkSamePolicy(known, spec)
    if (known?.joined === true) return known
    const topic = this.#catalog.topic(spec.topic)
    const deadLetterTopic =
      spec.deadLetter === null ? -1 : (await this.#openDeadLetters(topic, spec.deadLetter, spec.group)).shape.id
    if (known === undefined) return this.#addGroup(spec, deadLetterTopic, true)
    const group = this.#catalog.groups.join(known, spec, deadLetterTopic)
    await this.#placeGroup(group, (api, place) => api.reopenGroup(place))
    return group
  }

  async #addGroup(spec: GroupSpec, deadLetterTopic: number, joined: boolean | null): Promise<GroupEntry> {
    const group = this.#catalog.groups.add(this.#catalog.topic(spec.topic), spec, deadLetterTopic, joined)
    await this.#placeGroup(group, (api, place) => api.openGroup(place))
    return group
  }

  async #placeGroup(
    group: GroupEntry,
    tell: (api: Calls<PartitionHostApi>, place: GroupPlace) => Promise<void>,
  ): Promise<void> {
    const { places } = this.#catalog.topic(group.spec.topic)
    await this.#hosts.all(async (api, host) => {
      await Promise.all(
        group.places.filter(({ partition }) => places[partition]?.host === host).map(place => tell(api, place)),
      )
    })
  }

  /** The topic of that name, which takes the dead letters of `source` from now on. */
  async #openDeadLetters(source: TopicEntry, name: string, group: string): Promise<TopicEntry> {
    const topic = await this.#deadLetterTopic(source, name, group)
    if (topic.madeFor?.topic !== source.shape.id || topic.madeFor.group !== group) this.share(topic)
    await this.#addDesks(topic, source)
    return topic
  }

  async #addDesks(topic: TopicEntry, source: TopicEntry): Promise<void> {
    this.#catalog.addDesks(topic, source)
    await this.#hosts.all(async (api, host) => {
      const here = topic.letterIndexes.filter(({ partition }) => topic.places[partition]?.host === host)
      await Promise.all(here.map(letterIndex => api.addLetterIndex(letterIndex)))
    })
  }

  /** Dead letters of dead letters must end somewhere: their topics may not lead back to where they come from. */
  #checkEnds(source: TopicEntry, target: TopicEntry): void {
    const flows = [...this.#catalog.topics.values()].flatMap(({ shape, deadLettersOf }) =>
      [...deadLettersOf].map(from => ({ from, to: shape.id })),
    )
    if (!leadsTo(target.shape.id, source.shape.id, flows)) return
    throw new MillraceError(
      'MILL_INVALID_OPTION',
      `dead letters of ${titleOf(source.shape)} cannot go to ${target.shape.name}: the dead letters of that one lead back to ${source.shape.name}, and a record could go round for ever; use another topic`,
    )
  }

  async #deadLetterTopic(source: TopicEntry, name: string, group: string): Promise<TopicEntry> {
    checkName('topic', name)
    const { partitions, codec, maxMessageBytes, durability, log, base } = source.shape
    if (name === source.shape.name)
      throw new MillraceError(
        'MILL_INVALID_OPTION',
        `${titleOf(source.shape)} cannot be its own dead-letter topic: name another one`,
      )
    const stored = this.#directory?.topic(name)?.shape
    if ((this.#catalog.topicsByName.get(name)?.shape ?? stored)?.queue !== undefined)
      throw new MillraceError(
        'MILL_CONFIG_MISMATCH',
        `dead letters of ${titleOf(source.shape)} cannot go to ${name}, which is a queue: name a topic`,
      )
    const known = this.#catalog.topicsByName.get(name) ?? (stored === undefined ? undefined : await this.make(stored))
    if (known !== undefined) this.#checkEnds(source, known)
    const needed = maxMessageBytes + DEAD_LETTER_EXTRA_BYTES
    if (known === undefined) {
      const made = {
        id: this.#catalog.nextStoredId(),
        name,
        partitions,
        codec,
        maxMessageBytes: needed,
        windowBytes: powerOfTwo(2 * needed),
        durability,
        // Whoever is to look at them may be away for long.
        log: log === null ? null : { ...log, retentionMs: FOR_EVER, retentionBytes: FOR_EVER },
        ...(base === undefined ? {} : { base }),
      }
      return this.make({ ...made, onFull: 'wait' }, { topic: source.shape.id, group })
    }
    if (log !== null && known.shape.log === null) {
      throw new MillraceError(
        'MILL_CONFIG_MISMATCH',
        `topic ${name} is in memory only, and ${source.shape.name}, whose dead letters it is to take, is on disk; give both the same durability`,
      )
    }
    // A topic opened with the same options as the source will do: one dead letter must fit.
    if (known.shape.windowBytes < needed) {
      throw new MillraceError(
        'MILL_CONFIG_MISMATCH',
        `topic ${name} is too small for dead letters of ${source.shape.name}: its windowBytes must be at least ${needed}`,
      )
    }
    const hosts = this.#catalog.hosts.length
    const { partitions: has } = known.shape
    const letterHost = (partition: number): number => hostOf(known.shape, letterPartition(partition, has), hosts)
    if (source.places.some(({ partition, host }) => letterHost(partition) !== host)) {
      if (has >= partitions)
        throw new MillraceError(
          'MILL_CONFIG_MISMATCH',
          `topic ${name} lies on other partition threads than ${source.shape.name}, and cannot take its dead letters: name a dead-letter topic that does not exist yet`,
        )
      const what = `topic ${name} has ${has} partitions, and must have as many partitions as ${source.shape.name} (${partitions}) to take its dead letters`
      // Letters of several partitions that share one already are looked for there.
      const mayGrow = [...known.deadLettersOf].every(id => (this.#catalog.topics.get(id)?.shape.partitions ?? 0) <= has)
      const advice = mayGrow ? `give it ${partitions - has} more with topic.addPartitions, or name` : 'name'
      throw new MillraceError('MILL_CONFIG_MISMATCH', `${what}: ${advice} another dead-letter topic`)
    }
    return known
  }
}

/** A group that nobody has joined yet. */
function unjoined(topic: number, group: string): GroupSpec {
  return { topic, group, policy: DEFAULT_POLICY, deadLetter: null, from: 'earliest', given: [] }
}

function isExchange(shape: TopicShape): MillraceError {
  return new MillraceError(
    'MILL_CONFIG_MISMATCH',
    `${shape.name} is an exchange, not a ${kindOf(shape)}: open it with broker.exchange, or use another name`,
  )
}

function powerOfTwo(bytes: number): number {
  return 2 ** Math.ceil(Math.log2(bytes))
}
