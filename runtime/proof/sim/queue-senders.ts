/**
 * Senders of a simulation's queues: they send in all ways there are, and write down what they were told.
 *
 * The simulated main thread, through the public API only.
 */
import { nowMs } from '../../../actors/world.ts'
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

/** Every third id stays the same, and the others are others in every other round. */
function idInRound({ messageId }: QueueMessagePlan, round: number): string | null {
  if (messageId === null || Number(messageId.slice(1)) % 3 === 0) return messageId
  return `${messageId}.${round >> 1}`
}

function messageOf({ id, key, script, padBytes, priority, messageId }: QueueMessagePlan): QueueMessage<Value> {
  const named = messageId === null ? {} : { id: messageId }
  return { key, priority, value: { id, script, pad: 'x'.repeat(padBytes) }, ...named }
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

export async function send(
  lab: Lab,
  queue: Queue<Value>,
  { name, how, messages, pauseMs }: QueueSenderPlan,
  mayBeRefused: boolean,
): Promise<void> {
  const { chance } = lab.scheduler
  const topic = queue.name
  const sent = ({ id, key, priority, messageId }: QueueMessagePlan): void =>
    lab.record({
      kind: 'sent',
      producer: name,
      topic,
      id,
      key,
      priority,
      atMs: nowMs(),
      ...(messageId === null ? {} : { messageId }),
    })
  const answer = ({ id }: QueueMessagePlan, outcome: 'ok' | 'fail' | 'info', at?: string | number): void => {
    const offset = at === undefined ? undefined : offsetOf(at)
    const place = offset === undefined ? {} : { partition: 0, offset }
    lab.record({ kind: 'answered', topic, id, outcome, ...place, atMs: nowMs() })
  }
  const duplicate = ({ id }: QueueMessagePlan, duplicateOf?: number): void => {
    const first = duplicateOf === undefined ? {} : { duplicateOf }
    lab.record({ kind: 'answered', topic, id, outcome: 'fail', ...first, atMs: nowMs() })
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
            // It was there already, or was taken.
            const isUnsure = message.messageId !== null && !unpublished.includes(each as QueueMessage<Value>)
            if (!isTold || isUnsure || unknown.includes(each)) answer(message, 'info')
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
    () => false,
  )
  if (how === 'try')
    for (const message of messages) {
      const isSure = isFlushed && !mayBeRefused && message.messageId === null
      answer(message, isSure ? 'ok' : 'info')
    }
}
