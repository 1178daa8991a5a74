/**
 * Where lines go and who handles them: a topic, in order per key, or a work queue, each line to the thread that is free.
 *
 * Main thread. Both are the same to whoever reads lines: they take messages, and say how far they are.
 */
import type { Broker } from '../words/broker.ts'
import type { Message, PublishOptions } from '../words/message.ts'
import type { QueueMessage } from '../words/queue-message.ts'
import type { RunArguments } from './arguments.ts'
import type { MemoryNeed } from './memory-need.ts'

/** What takes lines. */
export interface LineTarget {
  publish(message: Message, options: PublishOptions): Promise<unknown>
  publishBatch(messages: readonly Message[], options: PublishOptions): Promise<unknown>
  flush(): Promise<void>
}

/** What handles lines. */
export interface LineRun {
  readonly finished: Promise<void>
  idle(): Promise<void>
  stop(): Promise<unknown>
  counts(): Promise<LineCounts>
}

export interface LineCounts {
  /** Lines that are not settled. */
  readonly lag: number
  readonly processed: number
  readonly deadLettered: number
  readonly failures: number
  readonly restarts: number
  readonly threads: number
}

export interface LineHandling {
  readonly target: LineTarget
  readonly run: LineRun
}

type Asked = Pick<RunArguments, 'partitions' | 'threads' | 'group' | 'attempts' | 'timeoutMs' | 'queue'>

/** `letters`: the topic of dead letters. `output`: the topic of the results. */
export function handleLines(
  broker: Broker,
  asked: Asked,
  need: Pick<MemoryNeed, 'lineBytesMax' | 'windowBytes'>,
  handler: URL,
  letters: string,
  output: string | undefined,
): Promise<LineHandling> {
  const { threads, timeoutMs: handlerTimeoutMs } = asked
  const run = { handler, threads, handlerTimeoutMs, output }
  return asked.queue === true
    ? handleInQueue(broker, asked, need, run, letters)
    : handleInTopic(broker, asked, need, run, letters)
}

interface Handling {
  readonly handler: URL
  readonly threads: number | undefined
  readonly handlerTimeoutMs: number
  readonly output: string | undefined
}

async function handleInTopic(
  broker: Broker,
  { partitions, group, attempts }: Asked,
  { lineBytesMax: maxMessageBytes, windowBytes }: Pick<MemoryNeed, 'lineBytesMax' | 'windowBytes'>,
  handling: Handling,
  deadLetter: string,
): Promise<LineHandling> {
  const target = await broker.topic('records', { partitions, maxMessageBytes, windowBytes })
  const run = await target.group(group).run({ ...handling, attempts, deadLetter })
  return {
    target,
    run: {
      finished: run.finished,
      idle: () => run.idle(),
      stop: () => run.stop(),
      counts: () => run.stats(),
    },
  }
}

async function handleInQueue(
  broker: Broker,
  { attempts }: Asked,
  { lineBytesMax: maxMessageBytes }: Pick<MemoryNeed, 'lineBytesMax'>,
  handling: Handling,
  deadLetter: string,
): Promise<LineHandling> {
  const queue = await broker.queue('records', { maxMessageBytes, attempts, deadLetter })
  const run = await queue.run(handling)
  return {
    target: {
      publish: (message, options) => queue.send(message as QueueMessage, options),
      publishBatch: (messages, options) => queue.sendBatch(messages as readonly QueueMessage[], options),
      flush: () => queue.flush(),
    },
    run: {
      finished: run.finished,
      idle: () => run.idle(),
      stop: () => run.stop(),
      async counts() {
        const {
          ready,
          unacked,
          retrying,
          scheduled,
          acked: processed,
          deadLettered,
          failures,
          restarts,
          consumers: threads,
        } = await run.stats()
        const lag = ready + unacked + retrying + scheduled
        return { lag, processed, deadLettered, failures, restarts, threads }
      },
    },
  }
}
