import t from 'tap'
import type { QueueShape } from '../../wire/queue-places.ts'
import { storedTopic } from './log-place.ts'

t.test('what a queue has not settled is kept, whatever its age and size', async t => {
  const log = { segmentBytes: 65_536, retentionMs: 1_000, retentionBytes: 2_000 }
  const rest = { codec: 'json' as const, maxMessageBytes: 4_096, onFull: 'wait' as const, windowBytes: 65_536 }
  const topic = { id: 1, name: 'jobs', partitions: 1, durability: 'os' as const, log, ...rest }
  t.same(storedTopic(topic, log).retention, { bytesMax: 2_000, ageMaxMs: 1_000 })
  t.same(storedTopic({ ...topic, queue: {} as QueueShape }, log).retention, { bytesMax: null, ageMaxMs: null })
})
