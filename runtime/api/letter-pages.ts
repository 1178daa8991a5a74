/**
 * Reads the open letters of one topic, page by page, from the partition hosts.
 *
 * The thread that made the broker. One page is requested at a time (64 KiB, or one larger letter) and is a private
 * copy. Nothing is pinned in between, and letters that were settled or taken meanwhile are skipped. Letters that are
 * newer than the request for `topics` are not seen, so letters that die again during their replay do not prolong it.
 */

import type { Session } from '../embedded/session.ts'
import type { LetterCursor, LetterTopic } from '../wire/letter-calls.ts'
import type { CodecName } from '../words/message.ts'
import type { Selection } from './selection.ts'
import { lettersIn, type StoredLetter } from './stored-letter.ts'

/** Letters of one partition of one dead-letter topic. */
export interface LettersFound {
  readonly topic: LetterTopic
  readonly partition: number
  readonly letters: readonly StoredLetter[]
}

/** Origin of the letters: several groups may share a dead-letter topic. */
export interface Origin {
  readonly topic: string
  readonly group: string | undefined
}

export async function* openLetters(
  session: Session,
  topic: LetterTopic,
  codec: CodecName,
  origin: Origin,
  selection: Selection,
): AsyncGenerator<LettersFound> {
  for (const { partition, endOffset } of topic.partitions) {
    const range = selection.range(topic.name, partition)
    if (range === null) continue
    const end = Math.min(range.to, endOffset)
    let cursor: LetterCursor | null = { offset: range.from, position: 0 }
    while (cursor !== null && cursor.offset < end) {
      const from: LetterCursor = cursor
      const page = await session.ask(control => control.readLetters(topic.id, partition, from))
      const letters = lettersIn(page.frames, codec, topic.name, partition).filter(
        letter =>
          letter.letter.offset < end &&
          letter.topic === origin.topic &&
          (origin.group === undefined || letter.group === origin.group) &&
          selection.matches(letter),
      )
      if (letters.length > 0) yield { topic, partition, letters }
      cursor = page.next
    }
  }
}
