/** The error for a caller that still uses a deleted topic. Leaf, any thread. */
import { MillraceError } from './errors.ts'

/** Makes the error. `name` null: only the topic's number is known. */
export function deletedTopic(name: string | null): MillraceError {
  const topic = name === null ? 'this topic' : `topic ${name}`
  return new MillraceError(
    'MILL_TOPIC_DELETED',
    `${topic} was deleted, with its records and groups; open it again with broker.topic to make a new one`,
  )
}
