/** What a partition checks of its window after a predecessor's death. The partition host's thread. */

import type { WindowReader, WindowWriter } from 'sharedarraybuffer-ring'
import { FRAME_RING, frameBaseOffset, frameEndOffset, frameIsValid } from '../log/format/frame.ts'
import type { TopicShape } from '../wire/places.ts'
import type { Offset, PartitionId } from '../words/quantities.ts'

interface Looked {
  readonly topic: TopicShape
  readonly partition: PartitionId
  readonly window: WindowWriter
  readonly reader: WindowReader
  frames(): Iterable<number>
}

/** Every frame kept has a signed header and follows the one before, and the last one ends where the last commit says. */
export function verifyWindow(actor: Looked, endOffset: Offset): void {
  const { reader, window } = actor
  const where = `topic ${actor.topic.name} partition ${actor.partition}`
  let next = -1
  for (const position of actor.frames()) {
    const available = (window.end - position) | 0
    const isValid = frameIsValid(reader, position, available)
    // A queue moves old messages into frames of its own, wherever they come to lie.
    if (isValid && actor.topic.queue !== undefined && reader.word(position + FRAME_RING) === 0) continue
    if (!isValid || (next !== -1 && frameBaseOffset(reader, position) !== next))
      throw new Error(`broken invariant: ${where} has an invalid frame at position ${position}`)
    next = frameEndOffset(reader, position)
  }
  if (next !== -1 && next !== endOffset)
    throw new Error(`broken invariant: ${where} ends at ${next}, not at ${endOffset}`)
}
