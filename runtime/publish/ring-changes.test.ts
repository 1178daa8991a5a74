/** Which rings are made small while memory is short, when there are more than are asked for at a time. */
import { Arena, FULL, Memory, ringBytes } from 'sharedarraybuffer-ring'
import t from 'tap'
import type { AttachedThread } from '../thread/attached-thread.ts'
import type { RingPlace } from '../wire/producer-places.ts'
import { PartitionWriter } from './partition-writer.ts'
import { RingChanges } from './ring-changes.ts'
import { WaitingRoom } from './waiting-room.ts'

const SMALL = 8_192
const WIDE = 65_536

t.test('rings that are small already keep no other one from its turn, and are not asked for again', async t => {
  const memory = Memory.allocate(1 << 20)
  const arena = new Arena(memory, 128)
  const words = arena.allocate(128)
  const places = new Map<number, RingPlace>()
  const ringOf = (capacity: number, partition: number): RingPlace => {
    const ring = places.size
    const address = arena.allocate(ringBytes(capacity))
    const place = { ring, partition, host: 0, address, capacity, words, widest: WIDE }
    places.set(ring, place)
    return place
  }
  let asked: number[] = []
  const thread: Pick<AttachedThread, 'addWriter' | 'removeWriter' | 'ringHost'> = {
    addWriter: () => undefined,
    removeWriter: () => undefined,
    ringHost: () => undefined,
  }
  const changes = new RingChanges(
    thread as AttachedThread,
    {
      replaceRing: async (ring, bytes) => {
        const { partition, capacity } = places.get(ring) as RingPlace
        asked.push(partition)
        const wanted = bytes < 0 ? SMALL : WIDE
        return capacity === wanted ? (places.get(ring) as RingPlace) : ringOf(wanted, partition)
      },
      describeHold: async () => '',
      stalled: () => undefined,
      publishFailed: () => undefined,
    },
    new WaitingRoom(),
    { isOpen: true, serve: () => undefined, failWaiting: () => undefined },
  )
  const writers = [0, 1, 2].map(partition => new PartitionWriter(memory, ringOf(WIDE, partition), 1))
  const give = async (): Promise<number[]> => {
    asked = []
    changes.giveBack(writers, 2)
    await new Promise(setImmediate)
    return asked
  }
  t.strictSame(await give(), [0, 1])
  t.strictSame(await give(), [2])
  t.strictSame(await give(), [])
  const [first] = writers as [PartitionWriter]
  changes.need(first, FULL, 100)
  await new Promise(setImmediate)
  t.strictSame(await give(), [0], 'one that became larger has its turn again')
})
