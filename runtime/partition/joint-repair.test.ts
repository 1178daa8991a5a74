/** In which order partitions are asked for what a dead host had committed in others, and what is told to the one that has no room. */
import { Memory } from 'sharedarraybuffer-ring'
import t from 'tap'
import { writeNote } from '../wire/joint-note.ts'
import type { IncomingRing } from './incoming-ring.ts'
import type { JointMember, JointPartition } from './joint-partition.ts'
import { JointRepair } from './joint-repair.ts'

const JOINT = { lead: 1, leadEnd: 64 }

/** Partition 1 has the joint, 2 drops its oldest for it, and 3 waits; what they were asked. */
function repairOf() {
  const memory = Memory.allocate(1_024)
  writeNote(memory, 0, JOINT, [1, 2, 3])
  const told: string[] = []
  const state = { hasRoom: false, isFree: true }
  const members = new Map<number, JointMember>()
  for (const id of [1, 2, 3]) {
    const ring = {
      id,
      memory,
      note: 0,
      head: 0,
      owed: id === 1 ? [{ ...JOINT, note: 0 }] : [],
      owedNote: () => (id === 1 ? 0 : -1),
      isAt: () => id !== 1,
      link: { room: () => 100 },
      tell: () => undefined,
      settleOwed: () => told.push('settled'),
    }
    const partition = {
      terms: { refuses: false, drops: id === 2 },
      failure: null,
      full: false,
      get isFree() {
        return state.isFree
      },
      mayHaveRoom: false,
      begin: () => undefined,
      takeNext: () => {
        told.push(`${id} asked`)
        return id === 2 || state.hasRoom
      },
      takeBack: () => told.push(`${id} gives back`),
      giveUpJoint: () => undefined,
      entry: () => null,
      commitEnd: () => told.push(`${id} commits`),
      answer: () => undefined,
      woken: (isAppended: boolean) => told.push(`${id} ${isAppended ? 'has it' : 'woken'}`),
    }
    const [ofRing, ofPartition] = [ring as unknown as IncomingRing, partition as unknown as JointPartition]
    members.set(id, { ring: ofRing, partition: ofPartition, heldBy: null })
  }
  const { ring } = members.get(1) as JointMember
  return { repair: new JointRepair(members), ring, state, told }
}

t.test('what drops others for room is asked last, and the one without room looks again', async t => {
  const { repair, ring, state, told } = repairOf()
  t.notOk(repair.isDone(ring))
  t.strictSame(told.splice(0), ['3 asked', '3 woken'], 'nothing is dropped')
  state.hasRoom = true
  t.ok(repair.isDone(ring))
  t.strictSame(told, ['3 asked', '2 asked', '2 commits', '3 commits', '2 has it', '3 has it', 'settled', '1 woken'])
})

t.test('an answer that there may be room is not lost where another partition is not free', async t => {
  const { repair, ring, state } = repairOf()
  repair.isDone(ring)
  t.notOk(repair.mayTry(ring), 'it had none')
  state.isFree = false
  t.notOk(repair.isDone(ring))
  t.ok(repair.mayTry(ring))
})
