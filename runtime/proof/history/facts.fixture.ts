/** A group as most histories of the tests have it. */
import type { GroupFacts } from './history.ts'

export const FACTS: GroupFacts = {
  topic: 'in',
  group: 'g',
  attempts: 2,
  ordered: true,
  keyed: true,
  from: 'earliest',
  atMostOnce: false,
  deadLetterTopic: 'in.g.dlq',
}
