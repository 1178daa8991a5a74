/** What the control thread is told of a queue's options. Pure, the creating thread. */
import type { CheckedQueueOptions } from '../options/queue-options.ts'
import type { QueueSettings } from '../wire/queue-calls.ts'

export function queueSettings(name: string, checked: CheckedQueueOptions): QueueSettings {
  const { codec, maxMessageBytes, windowBytes, durability, sendRate, attempts, backoff, deadLetter } = checked
  const { priorities, maxMessages, maxBytes, onFull, singleActive, messageTtlMs } = checked
  return {
    codec,
    maxMessageBytes,
    windowBytes,
    durability,
    sendRate,
    shape: { priorities, maxMessages, maxBytes, onFull, singleActive, messageTtlMs },
    policy: { attempts, ...backoff, hasDeadLetters: deadLetter !== false, atMostOnce: false, order: 'none' },
    deadLetter: deadLetter === false ? null : (deadLetter ?? `${name}.dlq`),
  }
}
