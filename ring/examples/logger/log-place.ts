/**
 * Addresses of the logger's parts in one shared memory; nothing else is shared.
 *
 * ```
 * bell    of the logging thread; every caller rings it
 * ASKED   main writes, the logging thread reads    1: write what there is, and end
 * ENDED   the logging thread writes, main reads    1: everything is written
 * for each caller:
 *   DROPPED  the caller writes, the logging thread reads    lines dropped so far
 *   ring     one line in each record: | i32 length of all | i32 lines dropped before this one | UTF-8 |
 * ```
 */
import { Arena, BELL_BYTES, LINE_BYTES, Memory, type MemoryHandle, NO_ROOM, ringBytes } from 'sharedarraybuffer-ring'

export const LINE_HEADER_BYTES = 8

/** One caller's part; plain data, for the thread that logs. */
export interface CallerPlace {
  readonly memory: MemoryHandle
  readonly bell: number
  readonly caller: number
  readonly dropped: number
  readonly ring: number
  readonly capacity: number
}

export interface LogPlace {
  readonly memory: MemoryHandle
  readonly bell: number
  readonly asked: number
  readonly ended: number
  readonly callers: readonly CallerPlace[]
}

/** Lays out a logger for so many callers, with a ring of `capacity` bytes for each. */
export function layOut(callers: number, capacity: number): LogPlace {
  const each = LINE_BYTES + ringBytes(capacity) + LINE_BYTES
  const memory = Memory.allocate(BELL_BYTES + 2 * LINE_BYTES + callers * each)
  const arena = new Arena(memory)
  const take = (bytes: number): number => {
    const address = arena.allocate(bytes)
    if (address === NO_ROOM) throw new Error('broken invariant: the memory was made for this layout')
    return address
  }
  const bell = take(BELL_BYTES)
  return {
    memory: memory.handle,
    bell,
    asked: take(LINE_BYTES),
    ended: take(LINE_BYTES),
    callers: Array.from({ length: callers }, (_, caller) => ({
      memory: memory.handle,
      bell,
      caller,
      dropped: take(LINE_BYTES),
      ring: take(ringBytes(capacity)),
      capacity,
    })),
  }
}
