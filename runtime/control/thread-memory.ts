/** The shared memory of an attached thread: its own words, and the rings and hints between it and each partition host. The control thread. */
import { hintsBytes, ringBytes } from 'sharedarraybuffer-ring'
import { LINK_HINTS, LINK_RING_BYTES } from '../link/link.ts'
import { THREAD_BYTES } from '../wire/layout.ts'
import type { LinkPlace } from '../wire/link-places.ts'
import type { SharedMemory } from './shared-memory.ts'

const PARTS = [ringBytes(LINK_RING_BYTES), ringBytes(LINK_RING_BYTES), hintsBytes(LINK_HINTS), hintsBytes(LINK_HINTS)]

/** The first block has the thread's own words. @throws MillraceError MILL_MEMORY */
export function allocateThread(
  shared: SharedMemory,
  hosts: readonly { readonly address: number }[],
): { readonly blocks: readonly number[]; readonly links: readonly LinkPlace[] } {
  const blocks = shared.allocateAll([THREAD_BYTES, ...hosts.flatMap(() => PARTS)], 'a thread')
  const links = hosts.map(({ address }, host) => {
    const part = (index: number): number => blocks[1 + host * PARTS.length + index] as number
    return {
      host,
      address,
      toHost: { address: part(0), capacity: LINK_RING_BYTES },
      toThread: { address: part(1), capacity: LINK_RING_BYTES },
      hintsToHost: part(2),
      hintsToThread: part(3),
    }
  })
  return { blocks, links }
}
