/** The error for a caller that still uses a deleted topic or queue. Leaf, any thread. */
import { MillraceError } from './errors.ts'

/** Makes the error. `name` null: only its number is known. */
export function deletedTopic(name: string | null, kind: 'topic' | 'queue' = 'topic'): MillraceError {
  const what = name === null ? `this ${kind}` : `${kind} ${name}`
  const contents = kind === 'topic' ? 'records and groups' : 'messages'
  return new MillraceError(
    'MILL_TOPIC_DELETED',
    `${what} was deleted, with its ${contents}; open it again with broker.${kind} to make a new one`,
  )
}
