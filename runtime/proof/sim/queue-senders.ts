/**
 * Senders of a simulation's queues: they send in all ways there are, and write down what they were told.
 *
 * The simulated main thread, through the public API only.
 */
import { isMillraceError, type UnpublishedError } from '../../words/errors.ts'
import type { Receipt } from '../../words/message.ts'
import type { Queue } from '../../words/queue.ts'
import type { QueueMessage } from '../../words/queue-message.ts'
import type { Lab, Value } from './lab.ts'
import { sleep } from './producers.ts'
import type { QueueMessagePlan, QueueSenderPlan } from './queue-plan.ts'

/** What a sender sends in a round: the same under other names, and nothing any more that ends threads. */
export function inQueueRound(sender: QueueSenderPlan, round: number): QueueSenderPlan {
  if (round === 0) return sender
  const messages = sender.messages.map(message => ({
    ...message,
    id: `${message.id}.${round}`,
    messageId: idInRound(message, round),
    script: /[leosnS]/.test(message.script) ? 'k' : message.script,
  }))
  return { ...sender, messages }
}

const NEVER: number = Number.POSITIVE_INFINITY
/** Between the note of a send and the send: a thread may be held up. */
const SLACK_MS = 5

/** Every third id stays the same, and the others are others in every other round. */
function idInRound({ messageId }: QueueMessagePlan, round: number): string | null {
  if (messageId === null || Number(messageId.slice(1)) % 3 === 0) return messageId
  return `${messageId}.${round >> 1}`
}

function messageOf(plan: QueueMessagePlan): QueueMessage<Value> {
  const { id, key, script, padBytes, priority, delayMs, ttlMs, messageId } = plan
  const named = messageId === null ? {} : { id: messageId }
  const times = delayMs === 0 && ttlMs === Number.POSITIVE_INFINITY ? {} : { delayMs, ttlMs }
  return { key, priority, value: { id, script, pad: 'x'.repeat(padBytes) }, ...named, ...times }
}

/** Where a message is whose receipt has this; undefined: that has its sender's id. */
function offsetOf(at: string | number): number | undefined {
  if (typeof at === 'number') return at
  return /^\d+\.\d+$/.test(at) ? Number(at.slice(at.indexOf('.') + 1)) : undefined
}

/** Tries until the message is taken; false: the queue was deleted, and nobody knows what became of those before. */
async function trySend(queue: Queue<Value>, message: QueueMessage<Value>): Promise<boolean> {
  try {
    while (!queue.trySend(message)) await sleep(5)
    return true
  } catch (error) {
    if (isMillraceError(error, 'MILL_TOPIC_DELETED')) return false
    throw error
  }
}

/** What is the same for all senders of a queue that send at a time. */
export interface SendingTerms {
  readonly mayBeRefused: boolean
  readonly messageTtlMs: number
  /** Flushes that were told of something lost: others are not told of it again, be it theirs. */
  flushesRefused: number
}

export async function send(
  lab: Lab,
  queue: Queue<Value>,
  { name, how, messages, pauseMs }: QueueSenderPlan,
  terms: SendingTerms,
): Promise<void> {
  const { mayBeRefused, messageTtlMs, flushesRefused } = terms
  const { chance } = lab.scheduler
  const topic = queue.name
  const sent = ({ id, key, priority, delayMs, ttlMs, messageId }: QueueMessagePlan): void => {
    const { now } = lab.scheduler
    const lives = Math.min(ttlMs, messageTtlMs)
    // The wall clock says whole milliseconds. Who tries again sends anew.
    const due = delayMs === 0 ? {} : { dueMs: now + delayMs - 1 }
    const expires =
      lives === Number.POSITIVE_INFINITY ? {} : { expiresMs: how === 'try' ? NEVER : now + delayMs + lives + SLACK_MS }
    const named = messageId === null ? {} : { messageId }
    const when = { ...due, ...expires, atMs: now }
    lab.record({ kind: 'sent', producer: name, topic, id, key, priority, ...named, ...when })
  }
  const answer = ({ id }: QueueMessagePlan, outcome: 'ok' | 'fail' | 'info', at?: string | number): void => {
    const offset = at === undefined ? undefined : offsetOf(at)
    const place = offset === undefined ? {} : { partition: 0, offset }
    lab.record({ kind: 'answered', topic, id, outcome, ...place, atMs: lab.scheduler.now })
  }
  const duplicate = ({ id }: QueueMessagePlan, duplicateOf?: number): void => {
    const first = duplicateOf === undefined ? {} : { duplicateOf }
    lab.record({ kind: 'answered', topic, id, outcome: 'fail', ...first, atMs: lab.scheduler.now })
  }
  if (how === 'batch') {
    for (let at = 0; at < messages.length; ) {
      const batch = messages.slice(at, at + chance.between(1, 20))
      at += batch.length
      for (const message of batch) sent(message)
      const given = batch.map(message => messageOf(message))
      await queue.sendBatch(given).then(
        ({ ids, duplicates }) => {
          for (const [index, message] of batch.entries())
            if (duplicates.includes(index)) duplicate(message)
            else answer(message, 'ok', ids[index])
        },
        (error: unknown) => {
          const { unpublished, unknown } = error as UnpublishedError
          const isTold = isMillraceError(error, 'MILL_UNPUBLISHED')
          for (const [index, message] of batch.entries()) {
            const each = given[index]
            // With an id, it was there already, or was taken.
            const isUnsure = (): boolean =>
              unknown.includes(each) ||
              (message.messageId !== null && !unpublished.includes(each as QueueMessage<Value>))
            if (!isTold || isUnsure()) answer(message, 'info')
            else answer(message, unpublished.includes(each) ? 'fail' : 'ok')
          }
        },
      )
      await sleep(pauseMs)
    }
    return
  }
  const pending: Promise<unknown>[] = []
  for (const message of messages) {
    sent(message)
    if (how === 'try') {
      if (!(await trySend(queue, messageOf(message)))) return
    } else {
      const receipt = queue.send(messageOf(message)).then(
        receipt => {
          // As handlers see it, a receipt has a place.
          const { offset } = receipt as unknown as Receipt
          if (receipt.duplicate) duplicate(message, offset)
          else answer(message, 'ok', offset)
        },
        (error: unknown) => answer(message, isMillraceError(error, 'MILL_FULL') ? 'fail' : 'info'),
      )
      if (how === 'one') await receipt
      else pending.push(receipt)
    }
    if (pauseMs > 0 && chance.happens(0.3)) await sleep(pauseMs)
  }
  await Promise.all(pending)
  const isFlushed = await queue.flush().then(
    () => true,
    () => {
      terms.flushesRefused++
      return false
    },
  )
  const isTold = isFlushed && terms.flushesRefused === flushesRefused
  if (how === 'try')
    for (const message of messages) {
      const isSure = isTold && !mayBeRefused && message.messageId === null
      answer(message, isSure ? 'ok' : 'info')
    }
}
