/** The order in which members hear of their partitions, with members and partition hosts that answer when told to. */
import t from 'tap'
import type { RevokeAnswer } from '../wire/member-calls.ts'
import type { Assignment, SlotPlace } from '../wire/places.ts'
import type { Catalog } from './catalog.ts'
import type { GroupEntry, ThreadEntry, TopicEntry } from './catalog-entries.ts'
import { GroupCoordinator } from './group-coordinator.ts'
import type { MemberHandle } from './member-handle.ts'
import type { PartitionHosts } from './partition-hosts.ts'

const CLIENT = { place: { thread: 1 }, slots: [] } as unknown as ThreadEntry

/** A group of two partitions, and what its members were told, in order. */
function house() {
  const told: string[] = []
  let epoch = 0
  const partitions = [0, 1]
  const group = { places: partitions.map(partition => ({ cursor: partition, group: 'g' })), slots: new Map() }
  const catalog = {
    snapshots: { get: () => null },
    addSlot(_group: GroupEntry, partition: number): SlotPlace {
      const slot = { cursor: partition, epoch: ++epoch, slot: epoch, thread: 1, confirms: false }
      group.slots.set(partition, slot)
      return slot
    },
    freeSlot: () => undefined,
  }
  const hosts = { call: async () => ({ committed: 0, pin: 0, known: [] }) }
  const topic = { shape: { partitions: 2 }, places: partitions.map(partition => ({ partition, host: 0 })) }
  const coordinator = new GroupCoordinator(
    catalog as unknown as Catalog,
    hosts as unknown as PartitionHosts,
    topic as unknown as TopicEntry,
    group as unknown as GroupEntry,
  )
  /** `holds` is awaited before a member answers. */
  const member = (name: string, holds: () => Promise<void>): Map<string, MemberHandle> => {
    const handle: MemberHandle = {
      run: 1,
      thread: CLIENT,
      confirms: false,
      prefetch: null,
      consumerPriority: 0,
      careful: async () => undefined,
      async assign({ cursor: partition }: Assignment) {
        told.push(`${name} assign ${partition}`)
        await holds()
      },
      async revoke(partition: number): Promise<RevokeAnswer> {
        told.push(`${name} revoke ${partition}`)
        await holds()
        return { held: true }
      },
      crashOf: async () => null,
      grown: topics => told.push(`${name} hears of ${topics.length}`),
      refused: error => t.fail('refused', { error }),
    }
    return new Map([[name, handle]])
  }
  return { coordinator, member, told }
}

t.test('a partition taken back before its member has heard of it is not told behind that', async t => {
  const { coordinator, member, told } = house()
  const atOnce = async (): Promise<void> => undefined
  await coordinator.up(member('a', atOnce))
  // What its thread died of is given to the next one last.
  await coordinator.down('a', ({ cursor: partition }) => ({
    reason: 'crashed',
    error: { name: 'Error', message: '', retriable: false },
    executing: partition === 1,
  }))
  told.length = 0
  const answers: (() => void)[] = []
  const up = coordinator.up(member('a', () => new Promise(resolve => answers.push(resolve))))
  const turns = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
  await turns()
  const more = coordinator.up(member('b', atOnce))
  await turns()
  t.strictSame(told, ['a assign 0', 'a revoke 1'])
  answers[0]?.()
  await turns()
  answers[1]?.()
  await turns()
  t.strictSame(told, ['a assign 0', 'a revoke 1', 'b assign 1'])
  await up
  await more
})
