/** What the core of a queue is told of messages that come. The partition host's thread; pure. */
import type { AppendedFields } from '../queue/queue-words.ts'

/** `priorities` null: all 0. */
export function fieldsOf(priorities: Uint8Array | null): AppendedFields | null {
  return priorities === null ? null : { priorities, keys: null, dueMs: null, expiresMs: null }
}
