/** Bytes that messages of a queue count, for its bounds and for what its consumers have. Leaf, the partition host's thread. */
import { align8 } from 'sharedarraybuffer-ring'
import { FRAME_HEADER_BYTES } from '../log/format/frame.ts'
import { MESSAGE_OVERHEAD } from '../wire/queue-places.ts'

/** Bytes that a message of this record counts. */
export function messageBytes(recordBytes: number): number {
  return ((recordBytes + 7) & ~7) + MESSAGE_OVERHEAD
}

/** Bytes that the messages of a frame of this length count together. */
export function frameMessagesBytes(frameBytes: number, messages: number): number {
  return align8(frameBytes - FRAME_HEADER_BYTES) + messages * MESSAGE_OVERHEAD
}
