/** What the control thread is told of a queue's options. Pure, the creating thread. */
import type { CheckedQueueOptions } from '../options/queue-options.ts'
import type { QueueSettings } from '../wire/queue-calls.ts'

export function queueSettings(name: string, checked: CheckedQueueOptions): QueueSettings {
  const { codec, maxMessageBytes, windowBytes, durability, sendRate, attempts, backoff, deadLetter } = checked
  const { priorities, maxMessages, maxBytes, onFull, singleActive, messageTtlMs } = checked
  const { keyConcurrency, keyOrder, rate = null, dedupeMs } = checked
  // 0: as many as its durability has by default.
  const { dedupeMaxIds = 0 } = checked
  return {
    codec,
    maxMessageBytes,
    windowBytes,
    durability,
    sendRate,
    shape: {
      priorities,
      maxMessages,
      maxBytes,
      onFull,
      singleActive,
      messageTtlMs,
      keyConcurrency,
      keyOrder,
      rate,
      dedupeMs,
      dedupeMaxIds,
    },
    policy: { attempts, ...backoff, hasDeadLetters: deadLetter !== false, atMostOnce: false, order: 'none' },
    deadLetter: deadLetter === false ? null : (deadLetter ?? `${name}.dlq`),
  }
}
