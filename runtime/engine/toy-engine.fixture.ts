/**
 * The smallest engine that passes the suite: all is in memory of this thread. It is what somebody who writes an engine writes.
 *
 * A topic is an array of records for each partition; a group knows the positions that are settled. Stores outlive a close, as a
 * server would.
 */
import type { ErrorCode } from '../words/error-codes.ts'
import { MillraceError } from '../words/errors.ts'
import { type Capabilities, checkSeek } from './capabilities.ts'
import { type Engine, type GroupPort, type Receiver, seekKind, type TopicPort, type TopicSettings } from './engine.ts'
import type { DeliveredRecord, EncodedRecord, Position } from './records.ts'

interface Member {
  readonly receiver: Receiver
  readonly out: Map<Position, DeliveredRecord>
}
interface Group {
  settled: Set<Position>
  readonly handedOut: Map<Position, number>
  members: Member[]
}
interface Topic {
  readonly settings: TopicSettings
  readonly logs: DeliveredRecord[][]
  readonly groups: Map<string, Group>
}

/** Opens toys; those of one store have the topics that are to last. */
export function toyEngines(capabilities: Capabilities): (store: string) => Promise<Engine> {
  const stores = new Map<string, Map<string, Topic>>()
  return async store => {
    const topics = stores.get(store) ?? new Map<string, Topic>()
    stores.set(store, topics)
    return toyEngine(capabilities, topics)
  }
}

function toyEngine(capabilities: Capabilities, topics: Map<string, Topic>): Engine {
  let isClosed = false
  const refuseIf = (isRefused: boolean, code: ErrorCode): void => {
    if (isRefused) throw new MillraceError(code, `the toy says ${code}`)
  }
  const groupPort = (topic: Topic, name: string, from: 'earliest' | 'latest'): GroupPort => {
    const known = (): Group => {
      const passed = from === 'latest' ? topic.logs.flat().map(({ position }) => position) : []
      const group = topic.groups.get(name) ?? { settled: new Set(passed), handedOut: new Map(), members: [] }
      topic.groups.set(name, group)
      return group
    }
    const isBusy = (): boolean => known().members.length > 0
    return {
      name,
      join: async receiver => {
        const group = known()
        const member: Member = { receiver, out: new Map() }
        const become = (members: Member[]): void => {
          group.members = members
          takeBack(topic, group)
          queueMicrotask(() => handOut(topic, group))
        }
        become([...group.members, member])
        return {
          settle: async records => {
            refuseIf(!group.members.includes(member), 'MILL_CLOSED')
            const own = records.filter(record => member.out.get(record.position) === record)
            for (const { partition, position } of own)
              settle(capabilities, topic.logs[partition] ?? [], position, group, member)
            handOut(topic, group)
            refuseIf(own.length < records.length, 'MILL_SETTLED')
          },
          leave: async () => become(group.members.filter(each => each !== member)),
        }
      },
      seek: async to => {
        checkSeek('toy', capabilities, seekKind(to))
        refuseIf(isBusy(), 'MILL_GROUP_BUSY')
        const isBefore = (record: DeliveredRecord, index: number): boolean => {
          if (typeof to === 'string') return to === 'latest'
          if ('timeMs' in to) return record.timestampMs < to.timeMs
          return record.partition === to.partition
            ? index < Number(to.position.split('/')[1])
            : known().settled.has(record.position)
        }
        known().settled = new Set(topic.logs.flatMap(log => log.filter(isBefore)).map(({ position }) => position))
      },
      lag: async () => {
        refuseIf(!capabilities.lag, 'MILL_UNSUPPORTED')
        return topic.logs.flat().length - known().settled.size
      },
      delete: async () => {
        refuseIf(isBusy(), 'MILL_GROUP_BUSY')
        topic.groups.delete(name)
      },
    }
  }
  const topicPort = (topic: Topic, name: string): TopicPort => ({
    name,
    publish: async (batch, signal) => {
      const { logs, settings } = topic
      refuseIf(isClosed, 'MILL_CLOSED')
      refuseIf(topics.get(name) !== topic, 'MILL_TOPIC_DELETED')
      refuseIf(signal?.aborted === true, 'MILL_ABORTED')
      refuseIf(
        batch.some(record => sizeOf(record) > settings.messageBytesMax),
        'MILL_TOO_LARGE',
      )
      refuseIf(
        batch.some(({ partition }) => (partition ?? 0) >= logs.length),
        'MILL_OUT_OF_RANGE',
      )
      const positions = batch.map(record => append(logs, record))
      await null
      for (const group of topic.groups.values()) handOut(topic, group)
      return positions
    },
    flush: () => new Promise(resolve => setImmediate(resolve)),
    group: (group, from) => groupPort(topic, group, from),
    groups: async () => [...topic.groups.keys()].sort(),
    stats: async () => topic.settings,
    delete: async () => {
      refuseIf(
        [...topic.groups.values()].some(({ members }) => members.length > 0),
        'MILL_GROUP_BUSY',
      )
      if (topics.get(name) === topic) topics.delete(name)
    },
  })
  return {
    name: 'toy',
    capabilities,
    topic: async (name, wanted) => {
      refuseIf(isClosed, 'MILL_CLOSED')
      const { durability = capabilities.durability[0] ?? 'memory', messageBytesMax = 65_536 } = wanted
      const partitions = wanted.partitions ?? topics.get(name)?.logs.length ?? 1
      const settings = { partitions, durability, messageBytesMax, retentionMs: null, retentionBytes: null }
      const logs = Array.from({ length: partitions }, () => [])
      const topic = topics.get(name) ?? { settings, logs, groups: new Map<string, Group>() }
      refuseIf(partitions !== topic.logs.length, 'MILL_CONFIG_MISMATCH')
      topics.set(name, topic)
      return topicPort(topic, name)
    },
    inspect: async () =>
      [...topics.keys()].sort().map(name => ({ name, partitions: topics.get(name)?.logs.length ?? 0 })),
    close: async () => {
      isClosed = true
      for (const [name, { groups, settings }] of topics) {
        const members = [...groups.values()].flatMap(group => group.members.splice(0))
        for (const { receiver } of members) receiver.failed(new MillraceError('MILL_CLOSED', 'the toy is closed'))
        if (settings.durability === 'memory') topics.delete(name)
      }
    },
  }
}

function sizeOf({ key, value, headers }: EncodedRecord): number {
  return [key, value, ...headers.map(([, header]) => header)].reduce((sum, part) => sum + (part?.length ?? 0), 0)
}

function append(logs: DeliveredRecord[][], record: EncodedRecord): Position {
  const hash = (record.key ?? new Uint8Array(0)).reduce((sum, byte) => sum + byte, 0)
  const partition = record.partition ?? hash % logs.length
  const position = `${partition}/${logs[partition]?.length}`
  logs[partition]?.push({ ...structuredClone(record), partition, position, redelivered: 0 })
  return position
}

function settle(
  { settlement }: Capabilities,
  log: DeliveredRecord[],
  last: Position,
  group: Group,
  member: Member,
): void {
  const index = log.findIndex(({ position }) => position === last)
  for (const { position } of log.slice(settlement === 'individual' ? index : 0, index + 1)) {
    group.settled.add(position)
    member.out.delete(position)
  }
}

/** What members have of partitions that are another's now. */
function takeBack({ logs }: Topic, { members }: Group): void {
  for (const partition of logs.keys())
    for (const [index, { receiver, out }] of members.entries()) {
      if (index === partition % members.length) continue
      for (const record of out.values()) if (record.partition === partition) out.delete(record.position)
      receiver.revoked(partition)
    }
}

function handOut({ logs }: Topic, { members, settled, handedOut }: Group): void {
  for (const { partition, position, ...record } of logs.flat()) {
    const member = members[partition % members.length]
    if (member === undefined || settled.has(position) || member.out.has(position)) continue
    if (member.out.size >= member.receiver.window) continue
    const before = handedOut.get(position) ?? 0
    handedOut.set(position, before + 1)
    const delivered = { ...structuredClone(record), partition, position, redelivered: before }
    member.out.set(position, delivered)
    member.receiver.take(delivered)
  }
}
