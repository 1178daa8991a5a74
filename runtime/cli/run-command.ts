/**
 * `millrace run`: lines of a file -> topic `records` -> handler threads -> topic `results` -> lines of a file.
 *
 * Main thread; a user of the public API like any other. What the handlers give up goes through the topic
 * `dead-letters` to the dead-letter file. Both files are written by consumer groups on this thread, so a slow disk or a
 * slow reader of standard output slows the input down instead of filling memory.
 */
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { createBroker } from '../index.ts'
import type { Broker, Run } from '../types.ts'
import type { RunArguments } from './arguments.ts'
import { DeadLetterLog } from './dead-letter-log.ts'
import { Failure, fileFailure } from './failure.ts'
import { openInput } from './input.ts'
import { Interruption } from './interruption.ts'
import { LINE_BYTES_MAX, LineReader } from './line-reader.ts'
import { type LineSink, openSink } from './line-sink.ts'
import { Progress } from './progress.ts'
import { type Summary, toSentence } from './summary.ts'

export const EXIT_CODES = { clean: 0, failed: 1, usage: 2, deadLettered: 3, damaged: 3 } as const

const RESULTS = 'results'
const NULL: Uint8Array = Buffer.from('null')

/** Written by us, or by nobody: a retry would write a line twice, and there is nowhere else to put it. */
const WRITER = {
  attempts: Number.POSITIVE_INFINITY,
  deadLetter: false,
  handlerTimeoutMs: Number.POSITIVE_INFINITY,
} as const

/** How long a run that failed, or whose results nobody reads any more, may take to end. */
const ABANDON_MS = 2_000

/** Resolves with the exit code. @throws Failure for what the user can mend. */
export async function runCommand(options: RunArguments): Promise<number> {
  const handler = await findHandler(options.handler)
  const input = await openInput(options.input)
  const output = options.output === undefined ? undefined : await openSink(options.output)
  const deadLetterFile = options.deadLetter === undefined ? undefined : await openSink(options.deadLetter)
  const progress = new Progress(process.stderr)
  const say = (text: string) => progress.note(`millrace: ${text}`)
  const interruption = new Interruption(say)
  const deadLetters = new DeadLetterLog(deadLetterFile, say)

  const broker = await createBroker({ logger: progress, memoryMaxBytes: memoryFor(options.partitions) })
  // DeadLetterLog says them, or the file has them.
  broker.on('deadLettered', () => {})
  let closing: { timeoutMs: number } | undefined
  try {
    const work = processLines(broker, {
      options,
      handler,
      input,
      output,
      deadLetters,
      progress,
      signal: interruption.signal,
    })
    const summary = await firstOf(work, [output?.failed, deadLetterFile?.failed])
    await Promise.all([output?.end(), deadLetterFile?.end()])
    progress.stop()
    await report(summary, options)
    if (summary.interrupted) {
      say(`stopped after line ${summary.lines}; every line up to it is done`)
      return interruption.exitCode
    }
    return summary.deadLettered > 0 ? EXIT_CODES.deadLettered : EXIT_CODES.clean
  } catch (error) {
    closing = { timeoutMs: ABANDON_MS }
    await Promise.race([Promise.allSettled([output?.end(), deadLetterFile?.end()]), sleep(ABANDON_MS)])
    if (isClosedPipe(error)) return EXIT_CODES.clean
    throw error
  } finally {
    progress.stop()
    input.destroy()
    await broker.close(closing).catch((error: unknown) => {
      if (closing === undefined) throw error
    })
  }
}

interface Work {
  readonly options: RunArguments
  readonly handler: URL
  readonly input: Awaited<ReturnType<typeof openInput>>
  readonly output: LineSink | undefined
  readonly deadLetters: DeadLetterLog
  readonly progress: Progress
  readonly signal: AbortSignal
}

async function processLines(
  broker: Broker,
  { options, handler, input, output, deadLetters, progress, signal }: Work,
): Promise<Summary> {
  const { partitions, attempts, threads, timeoutMs: handlerTimeoutMs } = options
  const records = await broker.topic('records', { partitions, maxMessageBytes: LINE_BYTES_MAX })
  const writers: Run[] = []
  if (output !== undefined) {
    const results = await broker.topic(RESULTS, { partitions })
    // The bytes of the topic are JSON already, and JSON has no line feed: they are the line.
    writers.push(await results.group('output').handle(({ valueBytes }) => output.write(valueBytes ?? NULL), WRITER))
  }
  // A dead letter is the record and some headers: it needs more room than the record.
  const letters = await broker.topic('dead-letters', { maxMessageBytes: LINE_BYTES_MAX + 65_536 })
  writers.push(await letters.group('dead-letter-file').handle(delivery => deadLetters.addDeadLetter(delivery), WRITER))

  const run = await records.group(options.group).run({
    handler,
    threads,
    attempts,
    handlerTimeoutMs,
    deadLetter: letters.name,
    output: output === undefined ? undefined : RESULTS,
  })
  const startedAtMs = performance.now()
  const reader = new LineReader({ input, topic: records, deadLetters, signal, keyPath: options.key, partitions })
  progress.start(async () => {
    const { lag, failures } = await run.stats()
    return { lines: reader.lines, lag, retries: failures, deadLetters: deadLetters.count }
  })

  await firstOf(reader.run(), [neverResolving(run.finished)]).catch((error: unknown) => {
    throw isFileError(error) ? fileFailure(options.input, error) : error
  })
  await firstOf(run.idle(), [neverResolving(run.finished)])
  const stats = await run.stats()
  await run.stop()
  for (const writer of writers) await writer.idle()
  const seconds = (performance.now() - startedAtMs) / 1_000
  for (const writer of writers) await writer.stop()

  return {
    lines: reader.lines,
    published: reader.published,
    processed: stats.processed,
    deadLettered: deadLetters.count,
    reasons: deadLetters.reasons,
    failures: stats.failures,
    restarts: stats.restarts,
    results: output?.lines ?? 0,
    seconds: Number(seconds.toFixed(3)),
    linesPerSecond: Math.round(reader.lines / seconds),
    threads: stats.threads,
    interrupted: signal.aborted,
  }
}

async function findHandler(path: string): Promise<URL> {
  const absolute = resolve(path)
  try {
    if ((await stat(absolute)).isDirectory()) throw new Failure(`${path}: is a directory, not a module`)
  } catch (error) {
    throw error instanceof Failure ? error : fileFailure(path, error)
  }
  return pathToFileURL(absolute)
}

/** Each partition of `records` and `results` has a window of 2 MiB; some room for rings and the dead letters. */
function memoryFor(partitions: number): number {
  return Math.max(512, partitions * 5 + 64) * 1_048_576
}

/** What `work` resolves with, unless one of the others rejects first. */
async function firstOf<T>(work: Promise<T>, others: readonly (Promise<never> | undefined)[]): Promise<T> {
  work.catch(() => {}) // If another one was first, nobody else looks.
  return await Promise.race([work, ...others.filter(other => other !== undefined)])
}

async function neverResolving(finished: Promise<void>): Promise<never> {
  await finished
  return await new Promise<never>(() => {})
}

async function report(summary: Summary, { json, output }: RunArguments): Promise<void> {
  const stream = json === true && output !== '-' ? process.stdout : process.stderr
  const text = json === true ? JSON.stringify(summary) : toSentence(summary)
  await new Promise<void>(written => stream.write(`${text}\n`, () => written()))
}

function isClosedPipe(error: unknown): boolean {
  return isFileError(error) && error.code === 'EPIPE'
}

function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error
}
