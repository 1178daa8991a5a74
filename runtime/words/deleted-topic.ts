/** The error for a caller that still uses a deleted topic, queue or exchange. Leaf, any thread. */
import { MillraceError } from './errors.ts'

/** Makes the error. `name` null: only its number is known. */
export function deletedTopic(name: string | null, kind: 'topic' | 'queue' | 'exchange' = 'topic'): MillraceError {
  const what = name === null ? `this ${kind}` : `${kind} ${name}`
  const contents = { topic: 'records and groups', queue: 'messages', exchange: 'bindings' }[kind]
  return new MillraceError(
    'MILL_TOPIC_DELETED',
    `${what} was deleted, with its ${contents}; open it again with broker.${kind} to make a new one`,
  )
}
