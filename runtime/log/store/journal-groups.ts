/** Which frames go into one write of the journal. Leaf, the partition host's thread. Pure. */
import { Journal } from './journal.ts'
import type { JournalEntry } from './journal-blocks.ts'
import type { StoreEntry } from './log-store-types.ts'

export interface JournalGroup {
  readonly entries: readonly StoreEntry[]
  readonly blocks: readonly JournalEntry[]
}

/** Entries in their order, as many together as fit one commit; null: the next one fits none, and nothing follows. */
export function* journalGroups(
  entries: readonly StoreEntry[],
  commitBytesMax: number,
): Generator<JournalGroup | null, void, void> {
  for (let next = 0; next < entries.length; ) {
    const blocks: JournalEntry[] = []
    let bytes = 0
    for (let entry = entries[next]; entry !== undefined; entry = entries[next + blocks.length]) {
      const one = journalEntry(entry)
      bytes += Journal.bytesOf([one])
      if (bytes > commitBytesMax) break
      blocks.push(one)
    }
    if (blocks.length === 0) {
      yield null
      return
    }
    yield { entries: entries.slice(next, next + blocks.length), blocks }
    next += blocks.length
  }
}

/** An entry as the journal has it. */
export function journalEntry({ log, baseOffset, endOffset, parts, bytes }: StoreEntry): JournalEntry {
  return { topic: log.topic.topic, partition: log.partition, baseOffset, endOffset, parts, bytes }
}
