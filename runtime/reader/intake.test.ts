/** The sources of records that there are, and a toy, keep to the contract of intakes. */
import { Arena, Memory, WindowWriter, windowBytes } from 'sharedarraybuffer-ring'
import t from 'tap'
import { handOver, knownRecords } from '../group/hand-over.ts'
import { leftSlot, prepareSlot } from '../group/slot-words.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import type { SentSettlement } from '../thread/thread-link.ts'
import { LEDGER_BYTES, SLOT_BYTES, SLOT_LEDGER } from '../wire/layout.ts'
import { Ledger } from '../wire/ledger.ts'
import type { Assignment } from '../wire/places.ts'
import { frameOf } from './frames.fixture.ts'
import { type IntakeHouse, intakeContract } from './intake-contract.fixture.ts'
import { PartitionIntake } from './partition-intake.ts'
import { PartitionReader } from './partition-reader.ts'
import { ToyIntake, ToySource } from './toy-intake.fixture.ts'

const CAPACITY = 1 << 18

/** A partition in memory, and what its host keeps of a group between two readers. */
function partition(): IntakeHouse {
  const memory = Memory.allocate(1 << 20)
  const arena = new Arena(memory, 128)
  const window = { address: arena.allocate(windowBytes(CAPACITY)), capacity: CAPACITY }
  const writer = new WindowWriter(memory, window.address, CAPACITY)
  const block = new Ledger(memory, arena.allocate(LEDGER_BYTES))
  let arrived = 0
  const reader = (committed: number, epoch: number): IntakeHouse => {
    const asked: string[] = []
    const settle = (_host: number, { offset, how, deliveryAttempt: attempt }: SentSettlement): boolean => {
      asked.push(`${String(offset)} ${String(how)} ${String(attempt)}`)
      return true
    }
    const thread = { memory, committed: () => undefined, settle } as unknown as AttachedThread
    const slot = arena.allocate(SLOT_BYTES)
    prepareSlot(memory, slot, committed, block)
    const assignment = {
      topic: { name: 'orders', codec: 'string' },
      place: { partition: 0, host: 0, window, log: null },
      ...{ slot, epoch, cursor: 7, pin: 0, committed, snapshot: null },
      known: knownRecords(block, new Map(), committed),
    } as unknown as Assignment
    return {
      intake: new PartitionIntake(thread, new PartitionReader(thread, assignment), true),
      asked,
      arrive(count) {
        for (const end = arrived + count; arrived < end; arrived++) writer.writeIn(frameOf(arrived))
        writer.commit()
      },
      successor() {
        const left = leftSlot(memory, slot, memory.i32[slot >> 2] as number, null)
        const over = handOver(block, new Ledger(memory, slot + SLOT_LEDGER), left, new Map())
        return reader(over.committed, epoch + 1)
      },
    }
  }
  return reader(0, 1)
}

function toy(source = new ToySource(), epoch = 1): IntakeHouse {
  return {
    intake: new ToyIntake(source, epoch),
    asked: source.asked,
    arrive(count) {
      source.records += count
    },
    successor: () => toy(source, epoch + 1),
  }
}

t.test('intakes', async t => {
  await intakeContract(t, 'a partition', partition)
  await intakeContract(t, 'a toy', () => toy())
})
