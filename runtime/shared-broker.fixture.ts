/**
 * One broker for all tests of a process, where neither its options nor its death are the subject: opening one costs more
 * than what most tests do with it. Each test takes new topics, so that none meets another's.
 */
import root from 'tap'
import { type Broker, createBroker, type Topic, type TopicOptions } from './index.ts'

/** Topics stay until the broker is closed: this is for those of several files. */
const MEMORY_BYTES = 1 << 30

let opening: Promise<Broker> | undefined
let topics = 0

/** The broker; it is in memory, says nothing on stderr, and is closed when all tests of the process are over. */
export function sharedBroker(): Promise<Broker> {
  if (opening === undefined) {
    const opened = createBroker({ logger: false, memoryMaxBytes: MEMORY_BYTES })
    opening = opened
    root.teardown(() => opened.then(broker => broker.close({ timeoutMs: 2_000 })).catch(() => undefined))
  }
  return opening
}

/** A name that no other topic of the broker has. */
export function newName(): string {
  topics++
  return `topic-${topics}`
}

/** A new topic of the shared broker. */
export async function newTopic<V>(options: TopicOptions = {}): Promise<Topic<V>> {
  return (await sharedBroker()).topic<V>(newName(), options)
}
