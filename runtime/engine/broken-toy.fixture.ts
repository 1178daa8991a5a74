/** Toys that do something wrong, one thing each, and the case of the suite that is about it. */
import type { Capabilities } from './capabilities.ts'
import type { Engine, GroupPort, Membership, Receiver, TopicPort } from './engine.ts'

/** What is done otherwise than a toy does it. */
export interface Breakage {
  readonly case: string
  /** What the suite is to say. */
  readonly says: RegExp
  /** What it claims without having it. */
  readonly claims?: Partial<Capabilities>
  /** What it has, though it does not claim it. */
  readonly has?: Partial<Capabilities>
  readonly forgetsStores?: boolean
  engine?(engine: Engine): Partial<Engine>
  topic?(topic: TopicPort): Partial<TopicPort>
  group?(group: GroupPort, topic: TopicPort): Partial<GroupPort>
  receiver?(receiver: Receiver): Partial<Receiver>
  membership?(membership: Membership, taken: readonly Parameters<Receiver['take']>[0][]): Partial<Membership>
}

/** The engine with what is wrong about it. */
export function broken(engine: Engine, breakage: Breakage): Engine {
  const receiverOf = (receiver: Receiver, taken: Parameters<Receiver['take']>[0][]): Receiver => {
    const noting: Receiver = {
      window: receiver.window,
      take: record => {
        taken.push(record)
        receiver.take(record)
      },
      revoked: partition => receiver.revoked(partition),
      failed: error => receiver.failed(error),
    }
    return { ...noting, ...breakage.receiver?.(noting) }
  }
  const groupOf = (group: GroupPort, topic: TopicPort): GroupPort => {
    const changed: GroupPort = { ...group, ...breakage.group?.(group, topic) }
    return {
      ...changed,
      join: async receiver => {
        const taken: Parameters<Receiver['take']>[0][] = []
        const membership = await changed.join(receiverOf(receiver, taken))
        return { ...membership, ...breakage.membership?.(membership, taken) }
      },
    }
  }
  const topicOf = (topic: TopicPort): TopicPort => {
    const changed: TopicPort = { ...topic, ...breakage.topic?.(topic) }
    return { ...changed, group: (name, from) => groupOf(changed.group(name, from), topic) }
  }
  const changed: Engine = { ...engine, ...breakage.engine?.(engine) }
  return { ...changed, topic: async (name, wanted) => topicOf(await changed.topic(name, wanted)) }
}

const everyFifth = <T>(does: (each: T) => void, otherwise: (each: T) => void): ((each: T) => void) => {
  let count = 0
  return each => (++count % 5 === 0 ? does(each) : otherwise(each))
}
const nothing = async (): Promise<void> => undefined

/** Each case of the suite has one at least. */
export const BREAKAGES: { readonly [name: string]: Breakage } = {
  'claims more than it was said to support': {
    case: 'claims what it was said to support, as plain data',
    says: /those of `supports`/,
    engine: ({ capabilities }) => ({ capabilities: { ...capabilities, lag: false } }),
  },
  'seeks without a claim': {
    case: 'refuses what it does not claim when the topic is opened',
    says: /a seek to latest was to be refused/,
    claims: { seek: ['earliest'] },
    group: () => ({ seek: nothing }),
  },
  'says another durability than was asked': {
    case: 'gives a topic what it was opened with, and keeps it',
    says: /durability/,
    topic: topic => ({ stats: async () => ({ ...(await topic.stats()), durability: 'memory' }) }),
  },
  'lists nothing': {
    case: 'lists its topics with their groups',
    says: /the topic/,
    engine: () => ({ inspect: async () => [] }),
  },
  'deletes no topic': {
    case: 'deletes a topic for good, and none that is read',
    says: /deleting a topic whose group has a member/,
    topic: () => ({ delete: nothing }),
  },
  'claims to be durable and forgets': {
    case: 'keeps records and settlements over a close',
    says: /the topic is as durable as before/,
    forgetsStores: true,
  },
  'tells no member that it is closed': {
    case: 'publishes what it took before it closes, and takes nothing after',
    says: /told that the engine is closed/,
    receiver: () => ({ failed: () => undefined }),
  },
  'drops headers': {
    case: 'gives back each byte of key, value and headers, and the timestamp',
    says: /record 3/,
    receiver: receiver => ({ take: record => receiver.take(Object.assign(record, { headers: [] })) }),
  },
  'reads the caller’s bytes later': {
    case: 'takes bytes as they are when publish is called, and hands out bytes of their own',
    says: /that of the call/,
    topic: topic => ({
      publish: async (batch, signal) => {
        await null
        return topic.publish(batch, signal)
      },
    }),
  },
  'loses a record': {
    case: 'neither loses nor doubles a record',
    says: /some are lost/,
    receiver: receiver => ({ take: everyFifth(() => undefined, receiver.take) }),
  },
  'doubles a record': {
    case: 'neither loses nor doubles a record',
    says: /handed more/,
    receiver: receiver => ({
      take: everyFifth(record => {
        receiver.take(record)
        receiver.take({ ...record })
      }, receiver.take),
    }),
  },
  'reorders records': {
    case: 'keeps the records of a key in order',
    says: /in the order in which they were published/,
    receiver: receiver => ({ take: everyFifth(record => setTimeout(() => receiver.take(record), 3), receiver.take) }),
  },
  'chooses the partition by itself': {
    case: 'publishes to the partition that a record names',
    says: /a partition that there is none of/,
    topic: topic => ({ publish: batch => topic.publish(batch.map(record => ({ ...record, partition: 0 }))) }),
  },
  'takes records of any size': {
    case: 'refuses a record that is too large, and the rest of its batch with it',
    says: /one byte too many/,
    engine: engine => ({ topic: (name, wanted) => engine.topic(name, { ...wanted, messageBytesMax: 65_536 }) }),
  },
  'flushes nothing': {
    case: 'has answered all that was published when flush resolves',
    says: /has its answer/,
    topic: topic => ({
      flush: nothing,
      publish: batch => new Promise(resolve => setTimeout(() => resolve(topic.publish(batch)), 2)),
    }),
  },
  'does not heed a signal': {
    case: 'publishes nothing when its signal was aborted',
    says: /whose signal is aborted/,
    topic: topic => ({ publish: batch => topic.publish(batch) }),
  },
  'hands out more than the window': {
    case: 'hands out no more than the window before something is settled',
    says: /handed more|at a time/,
    receiver: ({ window }) => ({ window: window + 1 }),
  },
  'acks what was not settled': {
    case: 'hands out again what was not settled, and nothing else',
    says: /handed 7 records, and was handed 0/,
    membership: ({ settle, leave }, taken) => ({ leave: () => settle(taken).then(leave, leave) }),
  },
  'forgets settlements': {
    case: 'hands out again what was not settled, and nothing else',
    says: /handed more/,
    membership: () => ({ settle: nothing }),
  },
  'claims to settle single records and settles all before': {
    case: 'settles a record by itself',
    says: /handed 6 records, and was handed 0/,
    has: { settlement: 'cumulative' },
  },
  'claims to settle all before and settles single records': {
    case: 'settles with a record all before it in its partition',
    says: /handed more/,
    claims: { settlement: 'cumulative' },
    has: { settlement: 'individual' },
  },
  'takes settlements of those who left': {
    case: 'refuses to settle what a member does not have any more',
    says: /a settlement after leaving was to be refused/,
    membership: ({ settle }) => ({ settle: records => settle(records).catch(() => undefined) }),
  },
  'claims to count hand-outs and does not': {
    case: 'counts how often a record was handed out',
    says: /after 1 hand-outs/,
    receiver: receiver => ({ take: record => receiver.take(Object.assign(record, { redelivered: 0 })) }),
  },
  'has one group under all names': {
    case: 'gives each group all records',
    says: /was to be handed 30 records/,
    topic: topic => ({ group: (_, from) => topic.group('all', from) }),
  },
  'gives a record to each member': {
    case: 'gives a record to one member of a group, and to another when that one leaves',
    says: /each record to one of the two/,
    group: (group, topic) => {
      let members = 0
      return { join: receiver => topic.group(`${group.name}-${members++}`, 'earliest').join(receiver) }
    },
  },
  'tells nobody of a partition that moved': {
    case: 'tells a member which partition it has lost, and takes no settlement of it',
    says: /told of a partition/,
    receiver: () => ({ revoked: () => undefined }),
  },
  'begins at the beginning': {
    case: 'begins a new group where it is told, and goes on with a known one',
    says: /handed 0 records, and was handed more/,
    topic: topic => ({ group: name => topic.group(name, 'earliest') }),
  },
  'claims to know its lag and does not': {
    case: 'says how many records a group has not settled',
    says: /to lag by 10 records/,
    group: () => ({ lag: async () => 0 }),
  },
  'forgets no group': {
    case: 'forgets a group that is deleted, and none that has a member',
    says: /deleting a group that has a member/,
    group: () => ({ delete: nothing }),
  },
  'claims to seek to the oldest record and stays': seeksNowhere('earliest', 'moves a group to the oldest record'),
  'claims to seek to the newest record and stays': seeksNowhere('latest', 'moves a group behind the newest record'),
  'claims to seek to a time and stays': seeksNowhere(
    'time',
    'moves a group to the first record that is not older than a time',
  ),
  'claims to seek to a position and stays': seeksNowhere('position', 'moves a group to a position'),
}

/** It refuses a group that has a member, as it should, and else does nothing. */
function seeksNowhere(kind: string, name: string): Breakage {
  return {
    case: name,
    says: new RegExp(`after a seek to ${kind}`),
    group: group => {
      let isBusy = true
      return {
        seek: async to => {
          if (isBusy) await group.seek(to).finally(() => (isBusy = false))
        },
      }
    },
  }
}
