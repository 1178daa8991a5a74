/**
 * Joint frames: frames in the rings of several partitions of one host, which takes all of them or none.
 *
 * Leaf, any thread. In front of each such frame stands a note in its ring. It names the joint by the ring that leads it, and by the position
 * after the frame there. The leading ring is published last: once that is there, all are.
 *
 * ```
 *  0 i32 length of the note       4 i32 -1, which no frame has there
 *  8 i32 id of the leading ring  12 i32 position after its frame
 * 16 i32 TAKING   host writes, producer reads    TAKING_IS
 * 20 i32 EDIT     producer writes, host reads    EDIT
 * 24 i32 rings of the joint; 0, where this is not the note of the leading one, whose TAKING and EDIT count
 * 28 i32 HELD_BY  host writes, producer reads    ring whose partition has had no room for its frame; 0: none is known
 * 32 i32 ids of the rings, the leading one first
 * ```
 *
 * A producer takes messages out of frames that the host holds for want of room. Both say first what they are about to do, and then look
 * at what the other has said: one of them sees the other, by Dekker's argument. Who does so leaves the frames as they are.
 *
 * A gap stands behind a frame that has become shorter: `0 i32 length`, `4 i32 -2`.
 */
import type { Memory } from 'sharedarraybuffer-ring'

const NOTE_MARK = -1
const GAP_MARK = -2
const MARK = 4
const LEAD = 8
const LEAD_END = 12
const TAKING = 16
const EDIT = 20
const COUNT = 24
const HELD_BY = 28
const IDS = 32

/** Rings of one joint, at most: each is answered, and a link has room for so many answers beside others. */
export const JOINT_RINGS_MAX = 512

/** What the host does with the frames. `taking`: it is about to, or has taken them; `refused`: none is taken by it or a successor. */
const TAKING_IS = { none: 0, taking: 1, refused: 2 } as const

/** What a producer does with the frames. `void`: no message is left in them. */
export const JOINT_EDIT = { none: 0, editing: 1, void: 2 } as const

/** Names a joint. */
export interface JointName {
  readonly lead: number
  readonly leadEnd: number
}

/** Bytes of the note of a ring that leads so many; 0: it leads none. */
export function noteBytes(rings: number): number {
  return (IDS + 4 * rings + 7) & ~7
}

/** Writes a note; `rings`: of the leading ring, else empty. Producer's thread, before the ring is published. */
export function writeNote(
  { i32 }: Pick<Memory, 'i32'>,
  address: number,
  { lead, leadEnd }: JointName,
  rings: readonly number[],
): void {
  const at = address >> 2
  i32[at] = noteBytes(rings.length)
  i32[at + (MARK >> 2)] = NOTE_MARK
  i32[at + (LEAD >> 2)] = lead
  i32[at + (LEAD_END >> 2)] = leadEnd
  i32[at + (TAKING >> 2)] = TAKING_IS.none
  i32[at + (EDIT >> 2)] = JOINT_EDIT.none
  i32[at + (COUNT >> 2)] = rings.length
  i32[at + (HELD_BY >> 2)] = 0
  for (let index = 0; index < rings.length; index++) i32[at + (IDS >> 2) + index] = rings[index] as number
}

/** Fills so many bytes, a multiple of 8, that no frame takes. Producer's thread, while it edits. */
export function writeGap({ i32 }: Pick<Memory, 'i32'>, address: number, bytes: number): void {
  i32[address >> 2] = bytes
  i32[(address + MARK) >> 2] = GAP_MARK
}

export function isNote({ i32 }: Pick<Memory, 'i32'>, address: number): boolean {
  return i32[(address + MARK) >> 2] === NOTE_MARK
}

export function isGap({ i32 }: Pick<Memory, 'i32'>, address: number): boolean {
  return i32[(address + MARK) >> 2] === GAP_MARK
}

/** The joint that the note at this address names. */
export function jointAt({ i32 }: Pick<Memory, 'i32'>, note: number): JointName {
  return { lead: i32[(note + LEAD) >> 2] as number, leadEnd: i32[(note + LEAD_END) >> 2] as number }
}

export function isNoteOf({ i32 }: Pick<Memory, 'i32'>, note: number, { lead, leadEnd }: JointName): boolean {
  return i32[(note + LEAD) >> 2] === lead && i32[(note + LEAD_END) >> 2] === leadEnd
}

/** Ids of the rings of a joint, by the note of the leading one. */
export function ringsOfJoint({ i32 }: Pick<Memory, 'i32'>, note: number): number[] {
  const from = (note + IDS) >> 2
  return Array.from(i32.subarray(from, from + (i32[(note + COUNT) >> 2] as number)))
}

/** Whether the leading note names these rings. */
export function areRingsOf({ i32 }: Pick<Memory, 'i32'>, note: number, rings: readonly number[]): boolean {
  if (i32[(note + COUNT) >> 2] !== rings.length) return false
  const from = (note + IDS) >> 2
  for (let index = 0; index < rings.length; index++) if (i32[from + index] !== rings[index]) return false
  return true
}

/** The host is about to take the frames of a leading note; false: their producer edits them, or has left no message in them. */
export function beginsTaking(memory: Memory, note: number): boolean {
  memory.store(note + TAKING, TAKING_IS.taking)
  if (memory.load(note + EDIT) === JOINT_EDIT.none) return true
  memory.store(note + TAKING, TAKING_IS.none)
  return false
}

/** The host has taken none. `heldBy`: the ring whose partition has no room; 0: none is known. */
export function leavesJoint(memory: Memory, note: number, heldBy = 0): void {
  memory.i32[(note + HELD_BY) >> 2] = heldBy
  memory.store(note + TAKING, TAKING_IS.none)
}

/** The ring whose partition has had no room for its frame; 0: none is known. */
export function holderOf({ i32 }: Pick<Memory, 'i32'>, note: number): number {
  return i32[(note + HELD_BY) >> 2] as number
}

/** Before the first answer that says so: a successor of the host may find the frames, and room for them. */
export function refusesJoint(memory: Memory, note: number): void {
  memory.store(note + TAKING, TAKING_IS.refused)
}

export function isRefused(memory: Memory, note: number): boolean {
  return memory.load(note + TAKING) === TAKING_IS.refused
}

/** What its producer does with the frames of a leading note, or has done. */
export function editOf(memory: Memory, note: number): number {
  return memory.load(note + EDIT)
}

/** The producer is about to change the frames of a leading note; false: the host takes them, or is about to. */
export function beginsEdit(memory: Memory, note: number): boolean {
  memory.store(note + EDIT, JOINT_EDIT.editing)
  if (memory.load(note + TAKING) === TAKING_IS.none) return true
  memory.store(note + EDIT, JOINT_EDIT.none)
  return false
}

/** The frames are as they are to be taken; `isVoid`: nothing is left in them. */
export function endsEdit(memory: Memory, note: number, isVoid: boolean): void {
  memory.store(note + EDIT, isVoid ? JOINT_EDIT.void : JOINT_EDIT.none)
}
