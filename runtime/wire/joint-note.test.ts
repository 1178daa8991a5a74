/** Notes of joint frames: what a reader finds, and that host and producer do not change the frames at once. */
import { Memory } from 'sharedarraybuffer-ring'
import t from 'tap'
import {
  areRingsOf,
  beginsEdit,
  beginsTaking,
  editOf,
  endsEdit,
  isGap,
  isNote,
  isNoteOf,
  JOINT_EDIT,
  jointAt,
  leavesJoint,
  noteBytes,
  ringsOfJoint,
  writeGap,
  writeNote,
} from './joint-note.ts'

const NAME = { lead: 7, leadEnd: -64 }

t.test('a note names its joint, and that of the leading ring all rings', async t => {
  const memory = Memory.allocate(4_096)
  memory.i32.fill(99)
  writeNote(memory, 64, NAME, [7, 8, 9])
  t.ok(isNote(memory, 64) && !isGap(memory, 64))
  t.equal(memory.i32[16], noteBytes(3))
  t.equal(noteBytes(3) % 8, 0)
  t.strictSame(jointAt(memory, 64), NAME)
  t.ok(isNoteOf(memory, 64, NAME))
  t.notOk(isNoteOf(memory, 64, { lead: 7, leadEnd: 0 }))
  t.notOk(isNoteOf(memory, 64, { lead: 8, leadEnd: -64 }))
  t.strictSame(ringsOfJoint(memory, 64), [7, 8, 9])
  t.ok(areRingsOf(memory, 64, [7, 8, 9]))
  t.notOk(areRingsOf(memory, 64, [7, 9, 8]))
  t.notOk(areRingsOf(memory, 64, [7, 8]))
  writeNote(memory, 512, NAME, [])
  t.strictSame(ringsOfJoint(memory, 512), [])
  writeGap(memory, 512, 16)
  t.ok(isGap(memory, 512) && !isNote(memory, 512))
})

t.test('whoever begins first has the frames, and the other leaves them as they are', async t => {
  const memory = Memory.allocate(4_096)
  writeNote(memory, 64, NAME, [7, 8])
  t.ok(beginsTaking(memory, 64))
  t.notOk(beginsEdit(memory, 64), 'the host takes them')
  t.equal(editOf(memory, 64), JOINT_EDIT.none)
  leavesJoint(memory, 64)
  t.ok(beginsEdit(memory, 64))
  t.notOk(beginsTaking(memory, 64), 'the producer edits them')
  endsEdit(memory, 64, false)
  t.ok(beginsTaking(memory, 64), 'it has left no trace')
  leavesJoint(memory, 64)
  t.ok(beginsEdit(memory, 64), 'nor has the host')
  endsEdit(memory, 64, true)
  t.equal(editOf(memory, 64), JOINT_EDIT.void)
  t.notOk(beginsTaking(memory, 64), 'no message is left in it, also if the host had looked before')
})
