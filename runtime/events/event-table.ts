/**
 * The events of a broker, a row each: how loud its line is, what the line says, and which lines are counted apart.
 *
 * Pure; the thread that created the broker. A new event is a row here and its payload in `words/broker-events.ts`; the compiler
 * holds the two together.
 */
import type { BrokerEvents } from '../words/broker-events.ts'
import type { Logger } from '../words/common-options.ts'
import { thrownAt } from './thrown-at.ts'

interface EventRow<P> {
  readonly level: keyof Logger
  /** The line, for whom nobody listens. */
  say(payload: P): string
  /** Lines of one do not keep those of another from being said; missing: all lines of the event are counted together. */
  apart?(payload: P): string
}

function ofGroup({ topic, group }: { readonly topic: string; readonly group: string }): string {
  return `${topic} ${group}`
}

export const EVENT_TABLE: { readonly [E in keyof BrokerEvents]: EventRow<BrokerEvents[E]> } = {
  stalled: {
    level: 'warn',
    say: ({ topic, partition, group, waitedMs, deadLetterTopic, queue }) => {
      const goesOn = `dead-letter topic ${deadLetterTopic} is full; replay or purge letters, and it goes on`
      if (queue !== undefined)
        return deadLetterTopic !== null
          ? `queue ${queue} has dead letters to write: ${goesOn}`
          : `sending to queue ${queue}, which is full, has waited ${Math.round(waitedMs)} ms`
      if (deadLetterTopic !== null)
        return `group ${group} stands still in partition ${partition} of topic ${topic}: ${goesOn}`
      return `publishing to partition ${partition} of topic ${topic} has waited ${Math.round(waitedMs)} ms${group === null ? '' : ` for group ${group}`}`
    },
  },
  restarted: {
    level: 'warn',
    say: ({ kind, group, topic, thread, reason, queue }) => {
      const whose =
        group === null ? '' : queue === undefined ? ` of group ${group} (topic ${topic})` : ` of queue ${queue}`
      return `${kind} thread ${thread}${whose} ${reason} and is started again`
    },
  },
  passedOver: {
    level: 'warn',
    say: ({ topic, partition, group, from, to, records }) =>
      `${topic}/${partition}: a process was killed, and group ${group}, which delivers at most once, goes on at offset ${to}; of ${records} records from offset ${from} on nobody knows whether they were handed out`,
  },
  deadLettered: {
    level: 'warn',
    apart: ofGroup,
    say: ({ topic, partition, offset, group, reason, message, stack, queue }) =>
      queue === undefined
        ? `${topic}/${partition} offset ${offset} was dead-lettered by group ${group} as ${reason}: ${message}${thrownAt(stack)}`
        : `message ${offset} of queue ${queue} was dead-lettered as ${reason}: ${message}${thrownAt(stack)}`,
  },
  dropped: {
    level: 'warn',
    apart: ({ topic }) => topic,
    say: ({ topic, partition, records, dropped }) =>
      `topic ${topic} has no group, and keeps its newest records only: it has dropped ${records} of partition ${partition} (${dropped} so far). Open the topic with groups: ['name'], and it keeps its records for them`,
  },
  attemptFailed: {
    level: 'warn',
    apart: ofGroup,
    say: ({ topic, partition, offset, group, failedAttempts, failures, message, stack, queue }) => {
      const more = failures > 1 ? ` (the first of ${failures} failures since the last line like this)` : ''
      const what =
        queue === undefined
          ? `group ${group} failed at ${topic}/${partition} offset ${offset}`
          : `message ${offset} of queue ${queue} failed`
      return `${what}, attempt ${failedAttempts}${more}: ${message}${thrownAt(stack)}`
    },
  },
  looping: {
    level: 'warn',
    apart: ({ queue }) => queue,
    say: ({ queue, id, deliveryAttempts, failedAttempts }) =>
      `message ${id} of queue ${queue} was handed out ${deliveryAttempts} times, and failed ${failedAttempts} of them: consumers release it, or end before they settle it. Settle it with ack, nack or reject`,
  },
  windowFull: {
    level: 'warn',
    apart: ofGroup,
    say: ({ topic, group, window, waitedMs, queue }) =>
      `all ${window} deliveries that ${queue === undefined ? `group ${group} of topic ${topic}` : `a consumer of queue ${queue}`} may have in hand are out, and none was settled for ${Math.round(waitedMs)} ms. Nothing more comes before one is: an operator may wait for more than the window (bufferCount), or leave deliveries out (filter) before they are settled. Settle them first, or make the window larger`,
  },
  loopLeft: {
    level: 'warn',
    apart: ofGroup,
    say: ({ topic, group, deliveries, queue }) => {
      const whose = queue === undefined ? `group ${group} of topic ${topic}` : `queue ${queue}`
      const [what, come] =
        deliveries === 1 ? ['a delivery that was', 'It comes'] : [`${deliveries} deliveries that were`, 'They come']
      return `a loop over ${whose} was left, by break or throw, with ${what} not settled. ${come} again, and no failure is counted: call delivery.ack() before break, and handle deliveries by attempt(delivery, fn) to have failures counted`
    },
  },
  lingering: {
    level: 'warn',
    say: ({ topic, group, runs, queue }) => {
      const whose = queue === undefined ? `group ${group} of topic ${topic}` : `queue ${queue}`
      const more = runs > 1 ? ` and ${runs - 1} more` : ''
      return `all is settled, and nothing but the open run of ${whose}${more} keeps this process alive. If the program is done, call await broker.close(); closeOnSignal(broker) closes it at SIGTERM and SIGINT`
    },
  },
  deadLetterDepth: {
    level: 'warn',
    say: ({ topic, depth, threshold, rising, filled }) => {
      const what = `dead-letter topic ${topic} holds ${depth} letters`
      if (!rising) return `${what} again`
      const why =
        depth >= threshold
          ? `deadLetterDepth is ${threshold}`
          : `a partition of it is ${Math.round(filled * 100)} % full`
      return `${what}: replay or purge them (${why})`
    },
  },
  parked: {
    level: 'warn',
    say: ({ topic, partition, offset, group, replayed }) =>
      `${topic}/${partition} offset ${offset} of group ${group} was replayed ${replayed} times and stays a dead letter`,
  },
  recovered: {
    level: 'warn',
    say: ({ file, position, reason }) =>
      `${file} was not whole from byte ${position} on (${reason}), and ends there now: nothing acknowledged as 'fsync' was lost`,
  },
  ticksUnsent: {
    level: 'warn',
    apart: ({ schedule, reason }) => `${schedule} ${reason}`,
    say: ({ schedule, reason, ticks, first, last, error }) => {
      const many = ticks >= 1_000 ? `${ticks} ticks or more` : `${ticks} ticks`
      const which =
        ticks === 1
          ? `the tick of ${first.toISOString()}`
          : `${many} from ${first.toISOString()} to ${last.toISOString()}`
      const why =
        reason === 'missed'
          ? 'missed, since nothing ran then or the clock was set'
          : reason === 'overlap'
            ? 'left out, since the message before is not settled'
            : `refused: ${error?.message ?? ''}`
      return `schedule ${schedule} sent no message for ${which}: ${ticks === 1 ? 'it was' : 'they were'} ${why}`
    },
  },
  scheduleFailed: {
    level: 'error',
    apart: ({ schedule }) => schedule,
    say: ({ schedule, error, retries }) =>
      `schedule ${schedule} ${retries ? 'cannot send now, and tries again in 5 s' : 'sends nothing any more'}: ${error.message}`,
  },
  failed: {
    level: 'error',
    say: ({ error }) => error.message,
  },
  publishFailed: {
    level: 'error',
    say: ({ topic, partition, count, error }) =>
      `${count} records for partition ${partition} of topic ${topic} were not published: ${error.message}`,
  },
}

/** Names of all events. */
export const EVENT_NAMES: readonly string[] = Object.keys(EVENT_TABLE)
