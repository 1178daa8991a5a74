/** The place of a link between a thread and a host, in the memory of a test. */
import { type Arena, hintsBytes, ringBytes } from 'sharedarraybuffer-ring'
import { HOST_BYTES } from '../wire/layout.ts'
import type { LinkPlace } from '../wire/link-places.ts'
import { LINK_HINTS, LINK_RING_BYTES } from './link.ts'

export function linkPlace(arena: Arena): LinkPlace {
  return {
    host: 0,
    address: arena.allocate(HOST_BYTES),
    toHost: { address: arena.allocate(ringBytes(LINK_RING_BYTES)), capacity: LINK_RING_BYTES },
    toThread: { address: arena.allocate(ringBytes(LINK_RING_BYTES)), capacity: LINK_RING_BYTES },
    hintsToHost: arena.allocate(hintsBytes(LINK_HINTS)),
    hintsToThread: arena.allocate(hintsBytes(LINK_HINTS)),
  }
}
