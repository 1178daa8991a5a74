/** All crews that there are, and a toy, keep to their contract. The handler threads are real. */
import { Memory } from 'sharedarraybuffer-ring'
import t, { type Test } from 'tap'
import type { Calls } from '../../actors/control-port.ts'
import type { HandlerControlApi, RunSpec } from '../wire/control-calls.ts'
import type { PartitionHostApi } from '../wire/host-calls.ts'
import type { MemberApi, RunShape } from '../wire/member-calls.ts'
import type { TopicShape } from '../wire/places.ts'
import { CallerCrew } from './caller-crew.ts'
import { Catalog } from './catalog.ts'
import type { Crew } from './crew.ts'
import { type CrewHouse, crewContract } from './crew-contract.fixture.ts'
import type { FaultsData } from './fixtures/faults.fixture.ts'
import { GroupCoordinator } from './group-coordinator.ts'
import type { PartitionHosts } from './partition-hosts.ts'
import { ThreadCrew } from './thread-crew.ts'
import { ToyCrew } from './toy-crew.fixture.ts'

const HANDLER = new URL('./fixtures/faults.fixture.js', import.meta.url).href

interface House {
  readonly catalog: Catalog
  readonly partitions: PartitionHosts
  readonly coordinator: GroupCoordinator
  readonly shape: RunShape
}

/** A group of four partitions in memory, with a partition host that answers at once. */
function house(): House {
  const catalog = new Catalog(Memory.allocate(1 << 25), 1, null)
  const shape = { id: catalog.nextStoredId(), name: 'orders', partitions: 4, codec: 'string', windowBytes: 65_536 }
  const topic = catalog.addTopic({
    ...shape,
    maxMessageBytes: 4_096,
    onFull: 'wait',
    log: null,
  } as unknown as TopicShape)
  const spec = { topic: shape.id, group: 'g', policy: { atMostOnce: false, order: 'partition' }, from: 'earliest' }
  const group = catalog.groups.add(topic, spec as unknown as RunSpec, -1, true)
  const api = {
    addThread: async () => undefined,
    openSlot: async () => ({ committed: 0, pin: 0, highWatermark: 0, known: [] }),
    closeSlot: async () => undefined,
  } as unknown as Calls<PartitionHostApi>
  const partitions = {
    all: async (act: (host: typeof api, index: number) => Promise<unknown>) => [await act(api, 0)],
    call: (_host: number, act: (host: typeof api) => Promise<unknown>) => act(api),
    settled: (work: Promise<unknown>) => work,
  } as unknown as PartitionHosts
  const coordinator = new GroupCoordinator(catalog, partitions, topic, group)
  const run: Partial<RunShape> = { run: catalog.nextId(), topic: topic.shape, group: 'g', output: null }
  const handling: Partial<RunShape> = { handlerTimeoutMs: 1_000, atMostOnce: false, retryOrder: 'partition' }
  return {
    catalog,
    partitions,
    coordinator,
    shape: { ...run, ...handling, concurrency: 1, batch: null } as RunShape,
  }
}

function open({ coordinator, shape }: House, crew: Crew, hang: () => void): CrewHouse {
  return { crew, run: shape.run, coordinator, hang }
}

function threads(t: Test): CrewHouse {
  const made = house()
  const words = new Int32Array(new SharedArrayBuffer(256))
  const data: FaultsData = { words }
  const asked = { count: 2, handler: HANDLER, data, execArgv: [], resourceLimits: null }
  const crew = new ThreadCrew(made, made.shape, { ...asked, restart: { intensity: 1, periodMs: 1_000 } }, false, {
    api: {} as HandlerControlApi,
    restarted: (_thread, reason) => t.fail('restarted', { reason }),
    clientGone: thread => made.catalog.forgetThread(thread.place.thread),
    failed: error => t.fail('failed', { error }),
  })
  t.teardown(() => crew.end(0))
  return open(made, crew, () => {
    words[0] = 1 // the start of one partition hangs
  })
}

function caller(t: Test): CrewHouse {
  const made = house()
  let hangs = false
  const members = {
    assign: () => (hangs ? new Promise(() => undefined) : Promise.resolve()),
    revoke: () => (hangs ? new Promise(() => undefined) : Promise.resolve({ held: true })),
    pause: async () => undefined,
    resume: async () => undefined,
  } as unknown as Calls<MemberApi>
  const { catalog, coordinator, shape } = made
  const asking = { thread: catalog.addThread(), members, hasEnded: () => false, tell: () => undefined }
  const crew = new CallerCrew(coordinator, shape, false, asking, catalog.memory, error => t.fail('failed', { error }))
  return open(made, crew, () => {
    hangs = true
  })
}

function toy(): CrewHouse {
  const made = house()
  const crew = new ToyCrew(made.shape.run, made.catalog.addThread(), made.coordinator)
  return open(made, crew, () => {
    crew.hangs = true
  })
}

t.test('crews', async t => {
  await crewContract(t, 'handler threads', threads)
  await crewContract(t, "the caller's thread", caller)
  await crewContract(t, 'a toy', toy)
})
