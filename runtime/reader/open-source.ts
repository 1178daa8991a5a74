/** Where a reader's frames come from, by what its topic is kept in. The reader's thread. Bound: as in the sources themselves. */
import type { Memory } from 'sharedarraybuffer-ring'
import type { Assignment } from '../wire/places.ts'
import type { FetchRoom } from './fetch-room.ts'
import type { FrameSource } from './frame-source.ts'
import { LogSource } from './log-source.ts'
import { WindowSource } from './window-source.ts'

/** `room`: where fetches go, if what refers to one is over before the next; null: each has memory of its own. */
export function openSource(memory: Memory, assignment: Assignment, room: FetchRoom | null): FrameSource {
  const { log } = assignment.place
  if (log === null) return new WindowSource(memory, assignment, room)
  return new LogSource(memory, assignment, log, room)
}
