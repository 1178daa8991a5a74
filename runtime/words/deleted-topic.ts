/** What a caller is told who still uses a topic that was deleted. Leaf, any thread. */
import { MillraceError } from './errors.ts'

/** `name` null: whoever says it knows no more than the number. */
export function deletedTopic(name: string | null): MillraceError {
  const topic = name === null ? 'this topic' : `topic ${name}`
  return new MillraceError(
    'MILL_TOPIC_DELETED',
    `${topic} was deleted, with its records and groups; open it again with broker.topic to make a new one`,
  )
}
