/**
 * What to say of an option that is given in the wrong place, or by its name in another library. Leaf module, any thread.
 *
 * The lists repeat names of the tables, which import this file by way of option-table.ts; a test compares them.
 */

import { closest } from '../base/closest.ts'

/** A place where options are given, and how one is given there. */
export interface Place {
  readonly names: readonly string[]
  readonly says: (name: string) => string
}

type PlaceName = 'message' | 'call' | 'topic' | 'queue' | 'group' | 'consumer' | 'handle' | 'run'

/** Places by a short name. */
export const PLACES: { readonly [place in PlaceName]: Place } = {
  message: {
    names: ['key', 'value', 'headers', 'partition', 'timestamp', 'priority', 'delayMs', 'deliverAt', 'ttlMs', 'id'],
    says: name => `\`${name}\` is a field of the message: give it there, { value, ${name} }`,
  },
  call: {
    names: ['signal', 'timeoutMs'],
    says: name => `\`${name}\` is an option of the call: give it behind the message, in an object of its own`,
  },
  topic: {
    names: ['partitions', 'windowBytes', 'publishRate', 'partitioner', 'groups', 'retentionMs', 'retentionBytes'],
    says: name => `\`${name}\` is an option of topics, which broker.topic opens`,
  },
  queue: {
    names: [
      'priorities',
      'maxMessages',
      'maxBytes',
      'messageTtlMs',
      'dedupeMs',
      'attempts',
      'backoff',
      'deadLetter',
      'singleActive',
      'keyConcurrency',
      'keyOrder',
      'rate',
      'sendRate',
    ],
    says: name => `\`${name}\` is an option of queues: give it to broker.queue(name, { ${name} })`,
  },
  group: {
    names: ['attempts', 'backoff', 'deadLetter', 'from', 'retryOrder'],
    says: name =>
      `\`${name}\` is an option of a group: give it to run, handle, consume or observe of topic.group(name)`,
  },
  consumer: {
    names: ['prefetch', 'consumerPriority'],
    says: name => `\`${name}\` is an option of a queue's consumers: give it to queue.run, handle or consume`,
  },
  handle: {
    names: ['concurrency', 'batch', 'handlerTimeoutMs', 'delivery', 'output'],
    says: name => `\`${name}\` is an option of run and handle: give it there`,
  },
  run: {
    names: ['handler', 'threads', 'data', 'resourceLimits', 'restart'],
    says: name => `\`${name}\` is an option of run, which handles on worker threads`,
  },
}

/** Where else to look, nearest first, by the kind of the options. */
const ELSEWHERE: { readonly [kind: string]: readonly PlaceName[] | undefined } = {
  publish: ['message', 'topic'],
  request: ['message', 'queue'],
  topic: ['group', 'handle', 'run', 'queue', 'consumer'],
  queue: ['consumer', 'handle', 'run', 'topic'],
  'queue run': ['queue'],
  'queue handle': ['queue', 'run'],
  'queue consume': ['queue', 'handle', 'run'],
  'queue observe': ['queue', 'handle', 'run'],
  run: ['topic', 'consumer', 'queue'],
  handle: ['run', 'topic', 'consumer', 'queue'],
  consume: ['handle', 'run', 'topic', 'consumer', 'queue'],
  observe: ['handle', 'run', 'topic', 'consumer', 'queue'],
  stream: ['handle', 'run', 'topic', 'consumer', 'queue'],
  message: ['call'],
}

/** Names of Kafka's clients, BullMQ, RabbitMQ's clients and others, and ours. */
const OTHER_NAMES: { readonly [name: string]: readonly string[] | undefined } = {
  numPartitions: ['partitions'],
  retries: ['attempts'],
  maxRetries: ['attempts'],
  maxAttempts: ['attempts'],
  limiter: ['rate', 'publishRate'],
  maxLength: ['maxMessages'],
  maxPriority: ['priorities'],
  ttl: ['ttlMs', 'messageTtlMs', 'retentionMs'],
  messageTtl: ['messageTtlMs'],
  expiration: ['ttlMs', 'messageTtlMs'],
  deadLetterExchange: ['deadLetter'],
  deadLetterQueue: ['deadLetter'],
  delay: ['delayMs'],
  jobId: ['id'],
  messageId: ['id'],
  tz: ['timeZone'],
  pattern: ['cron'],
  every: ['everyMs'],
  window: ['highWaterMark', 'prefetch'],
  highWaterMark: ['window', 'prefetch'],
  fromBeginning: ['from'],
  persistent: ['durability'],
  path: ['dir'],
  folder: ['dir'],
  directory: ['dir'],
  maxInFlight: ['concurrency'],
  workers: ['threads'],
}

/** What was meant by a name that the options of this kind, or a message, do not have; undefined: that is not known. */
export function adviceOn(kind: string, name: string, known: readonly string[], prefix = ''): string | undefined {
  const places: readonly Place[] = (ELSEWHERE[kind] ?? []).map(place => PLACES[place])
  const saidElsewhere = (wanted: readonly string[]): string | undefined => {
    for (const place of places) {
      const there = wanted.find(each => place.names.includes(each))
      if (there !== undefined) return place.says(there)
    }
    return undefined
  }
  const exact = saidElsewhere([name])
  if (exact !== undefined) return exact
  const misspelt = closest(name, known)
  if (misspelt !== undefined) return `did you mean \`${prefix}${misspelt}\`?`
  const meant = Object.hasOwn(OTHER_NAMES, name) ? (OTHER_NAMES[name] ?? []) : []
  const here = meant.find(other => known.includes(other))
  return here === undefined ? saidElsewhere(meant) : `it is called \`${prefix}${here}\` here`
}
