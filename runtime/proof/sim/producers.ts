/**
 * Producers of a simulation: they publish in all ways there are, and write down what they were told.
 *
 * The simulated main thread, through the public API only.
 */
import { nowMs, setTimeout } from '../../../actors/world.ts'
import { isMillraceError } from '../../words/errors.ts'
import type { Message } from '../../words/message.ts'
import type { Topic } from '../../words/topic.ts'
import type { Lab, Value } from './lab.ts'
import type { MessagePlan, Plan, ProducerPlan } from './plan.ts'

export function sleep(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(() => resolve(), ms))
}

/** Later rounds are short, so that a seed that has had its inputs does not have many more. */
const PARTS = 3
const STUCK_MS = 60_000
const LOOK_MS = 50

/**
 * What a producer publishes in a round: all, and from then on one part after the other again, under other names; what ends
 * threads has been there, and would take up most of a seed.
 */
export function inRound(producer: ProducerPlan, round: number): ProducerPlan {
  if (round === 0) return producer
  const messages = producer.messages
    .filter((_, index) => index % PARTS === round % PARTS)
    .map(message => ({
      ...message,
      id: `${message.id}.${round}`,
      script: /[leosn]/.test(message.script) ? 'k' : message.script,
    }))
  return { ...producer, messages }
}

function messageOf({ id, key, script, padBytes }: MessagePlan): Message<Value> {
  return { key, value: { id, script, pad: 'x'.repeat(padBytes) } }
}

/** Whether all is appended; where a disk has failed a topic may stay full, and that is waited for as long as for a publish. */
async function flush(topic: Topic<Value>, diskHasFailed: () => boolean): Promise<boolean> {
  let flushed: boolean | null = null
  topic.flush().then(
    () => {
      flushed = true
    },
    () => {
      flushed = false
    },
  )
  for (let waited = 0; flushed === null && !(diskHasFailed() && waited > STUCK_MS); waited += LOOK_MS)
    await sleep(LOOK_MS)
  return flushed === true
}

/** Publishes all that a producer has to. What was not waited for one by one is known to be there only where no disk has failed. */
export async function produce(
  lab: Lab,
  { onFull, publishRate }: Plan,
  topic: Topic<Value>,
  { name, how, messages, pauseMs }: ProducerPlan,
  diskHasFailed: () => boolean,
): Promise<void> {
  const sent = ({ id, key }: MessagePlan): void =>
    lab.record({ kind: 'sent', producer: name, topic: topic.name, id, key, atMs: nowMs() })
  const answer = ({ id }: MessagePlan, outcome: 'ok' | 'fail' | 'info', place: object = {}): void =>
    lab.record({ kind: 'answered', topic: topic.name, id, outcome, ...place, atMs: nowMs() })
  // Those that wait at once are more than may go.
  if (publishRate !== undefined && how !== 'one' && pauseMs === 0 && messages.length > publishRate.max)
    lab.saw('heldByRate')
  // Whoever has not got what it put out onto the disk reads no more, and the topic stays full.
  let isStuck = false
  const failed = (message: MessagePlan, error: unknown): void => {
    if (isMillraceError(error, 'MILL_TIMEOUT') && diskHasFailed()) isStuck = true
    if (isMillraceError(error, 'MILL_FULL')) {
      lab.saw(error.retryAfterMs === undefined ? 'fullWindow' : 'heldByRate')
      answer(message, 'fail')
    } else answer(message, 'info')
  }
  const pending: Promise<unknown>[] = []
  if (how === 'batch') {
    for (let at = 0; at < messages.length; ) {
      const batch = messages.slice(at, at + lab.scheduler.chance.between(1, 40))
      at += batch.length
      for (const message of batch) sent(message)
      await topic.publishBatch(batch.map(message => messageOf(message))).then(
        () => {
          for (const message of batch) answer(message, 'ok')
        },
        () => {
          for (const message of batch) answer(message, 'info')
        },
      )
      await sleep(pauseMs)
    }
    return
  }
  for (const message of messages) {
    if (isStuck) return
    if (how === 'try') {
      sent(message)
      while (!topic.tryPublish(messageOf(message)) && !diskHasFailed()) {
        lab.saw(publishRate === undefined ? 'fullWindow' : 'heldByRate')
        await sleep(5)
      }
    } else {
      sent(message)
      const receipt = topic.publish(messageOf(message)).then(
        ({ partition, offset }) => answer(message, 'ok', { partition, offset }),
        (error: unknown) => failed(message, error),
      )
      if (how === 'one') await receipt
      else pending.push(receipt)
    }
    if (pauseMs > 0 && lab.scheduler.chance.happens(0.3)) await sleep(pauseMs)
  }
  await Promise.all(pending)
  const flushed = await flush(topic, diskHasFailed)
  if (how === 'try')
    for (const message of messages) answer(message, flushed && onFull === 'wait' && !diskHasFailed() ? 'ok' : 'info')
}
