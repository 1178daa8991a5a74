/** Work queues on disk beside servers that are not part of the repository. */
import { bullmq } from '../rivals/bullmq.ts'
import { rabbitmqClassic, rabbitmqQuorum } from '../rivals/rabbitmq.ts'
import { queueFsync, queueOs } from '../subjects/millrace-queue.ts'
import type { Suite } from '../suite.ts'

export const queueRivalsSuite: Suite = {
  hops: 2,
  cases: [
    {
      name: 'queue-servers',
      about: 'the same on disk, beside servers on loopback: RabbitMQ (confirmed, prefetch 100), BullMQ on Redis',
      subjects: [queueOs, queueFsync, rabbitmqClassic, rabbitmqQuorum, bullmq],
      payloads: ['100'],
      warmUps: 4,
    },
  ],
}
