/**
 * `millrace run`: lines of a file -> topic or queue `records` -> handler threads -> topic `results` -> lines of a file.
 *
 * Main thread; a user of the public API like any other. Records that the handlers give up go through the topic
 * `dead-letters` to the dead-letter file. Consumer groups on this thread write both files, so a slow disk or a slow
 * reader of standard output slows the input down instead of filling memory.
 */
import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { createBroker } from '../index.ts'
import type { Broker } from '../words/broker.ts'
import { isMillraceError } from '../words/errors.ts'
import type { Run } from '../words/run.ts'
import type { RunArguments } from './arguments.ts'
import { inWordsOfLines } from './broker-words.ts'
import { DeadLetterLog } from './dead-letter-log.ts'
import { EXIT_CODES } from './exit-codes.ts'
import { Failure, fileFailure } from './failure.ts'
import { Interruption, TimeOver } from './interruption.ts'
import { handleLines, type LineRun, type LineTarget } from './line-handling.ts'
import { LineReader } from './line-reader.ts'
import { LineSink } from './line-sink.ts'
import { type MemoryNeed, memoryNeed } from './memory-need.ts'
import type { OpenInput, OpenOutput } from './open-file.ts'
import { openRunFiles } from './open-run-files.ts'
import { Progress } from './progress.ts'
import { sayAtTheEnd, takeStandardOutput } from './standard-streams.ts'
import { type Summary, toSentence } from './summary.ts'

const RESULTS = 'results'
const NULL: Uint8Array = Buffer.from('null')

/** The only writers of the files: a retry would write a line twice, and there is no other place for the line. */
const WRITER = {
  attempts: Number.POSITIVE_INFINITY,
  deadLetter: false,
  handlerTimeoutMs: Number.POSITIVE_INFINITY,
} as const

/** Time for each step of the end when a run failed, its grace is over, or its results have no reader. */
const ABANDON_MS = 1_000

/** Resolves with the exit code. @throws Failure for errors that the user can correct. */
export async function runCommand(options: RunArguments): Promise<number> {
  const { handler, input, output, deadLetter } = await openRunFiles(options)
  // Output of handlers would be mixed with results, or with the summary.
  if (options.output === '-' || options.json === true) takeStandardOutput()
  const progress = new Progress(process.stderr)
  const say = (text: string) => progress.note(`millrace: ${text}`)
  const interruption = new Interruption(options.graceMs, say)
  const sink = output && new LineSink(output.stream, output.title)
  const deadLetterSink = deadLetter && new LineSink(deadLetter.stream, deadLetter.title)
  const need = memoryNeed(options.partitions, options.threads ?? Math.max(1, availableParallelism() - 1))

  let broker: Broker | undefined
  let closing: { timeoutMs: number } | undefined
  try {
    broker = await createBroker({ logger: progress, memoryMaxBytes: need.memoryBytes })
    // DeadLetterLog says them, or the file has them; and that lines wait for slow handlers is as it should be.
    broker.on('deadLettered', () => {})
    broker.on('stalled', () => {})
    const deadLetters = new DeadLetterLog(deadLetterSink, say)
    const parts = { broker, options, need, handler, input, output, sink, deadLetter, deadLetters, interruption }
    const lines = new Lines(parts)
    const work = lines.process(progress).then((summary): Outcome => ({ summary, missing: undefined }))
    const { summary, missing } = await firstOf(work, [
      sink?.failed,
      deadLetterSink?.failed,
      interruption.timeOver,
    ]).catch(async (error: unknown) => {
      if (!(error instanceof TimeOver)) throw error
      return await lines.leave(error)
    })
    if (missing !== undefined) closing = { timeoutMs: ABANDON_MS }
    await endOf([sink, deadLetterSink], closing)
    progress.stop()
    await report(summary, options)
    if (missing !== undefined) {
      say(missing)
      return EXIT_CODES.failed
    }
    if (summary.interrupted) {
      say(`stopped after line ${summary.lines}; every line up to it is done`)
      return interruption.exitCode
    }
    return summary.deadLettered > 0 ? EXIT_CODES.deadLettered : EXIT_CODES.clean
  } catch (error) {
    closing = { timeoutMs: ABANDON_MS }
    await endOf([sink, deadLetterSink], closing)
    if (isClosedPipe(error)) return EXIT_CODES.clean
    if (isMillraceError(error, 'MILL_MEMORY'))
      throw new Failure(inWordsOfLines(error.code, error.message, 'line'), error)
    throw error
  } finally {
    progress.stop()
    input.stream.destroy()
    const closed = broker?.close(closing)
    if (closing === undefined) await closed
    // Parts that are not closed by then end with the process.
    else await Promise.race([closed?.catch(() => {}), sleep(closing.timeoutMs)])
  }
}

interface Work {
  readonly broker: Broker
  readonly options: RunArguments
  readonly need: MemoryNeed
  readonly handler: URL
  readonly input: OpenInput
  readonly output: OpenOutput | undefined
  readonly sink: LineSink | undefined
  readonly deadLetter: OpenOutput | undefined
  readonly deadLetters: DeadLetterLog
  readonly interruption: Interruption
}

interface Outcome {
  readonly summary: Summary
  /** Whose time is over, and a description of the unhandled lines. */
  readonly missing: string | undefined
}

/** The lines of one run, on their way. */
class Lines {
  readonly #work: Work
  readonly #writers: Run[] = []
  #reader: LineReader | undefined
  #run: LineRun | undefined
  #startedAtMs = performance.now()

  constructor(work: Work) {
    this.#work = work
  }

  async process(progress: Progress): Promise<Summary> {
    const { input, options, interruption } = this.#work
    const records = await this.#openTopics()
    const run = this.#run as LineRun
    // Only now: a run that cannot start leaves them as they were.
    await Promise.all([this.#work.output?.empty(), this.#work.deadLetter?.empty()])
    this.#startedAtMs = performance.now()
    const reader = this.#read(records)
    progress.start(async () => {
      const { lag, failures } = await run.counts()
      return { lines: reader.lines, lag, retries: failures, deadLetters: this.#work.deadLetters.count }
    })
    await firstOf(reader.run(), [neverResolving(run.finished)]).catch((error: unknown) => {
      throw isFileError(error) ? fileFailure(options.input, error) : error
    })
    interruption.ended(options.drainMs)
    await firstOf(run.idle(), [neverResolving(run.finished)])
    const summary = await this.#summary()
    await run.stop()
    for (const writer of this.#writers) await writer.idle()
    for (const writer of this.#writers) await writer.stop()
    input.stream.destroy()
    return this.#timed(summary)
  }

  /** The end when the time is over: calls in progress may finish, and confirmed results are written. */
  async leave(over: TimeOver): Promise<Outcome> {
    // Nothing that is counted as left may be done afterwards, if that can be had.
    await within(this.#run?.stop())
    const summary = await within(this.#summary())
    const written = await within(Promise.all(this.#writers.map(writer => writer.idle())))
    const isWritten = written !== undefined && this.#work.sink?.isBroken !== true
    if (summary === undefined) throw new Failure(`${over.message}, and what is not done could not be counted`)
    const missing = [
      ...(summary.left > 0 ? [`${summary.left} of the lines up to ${summary.lines} not done`] : []),
      ...(isWritten ? [] : ['some results could not be written, since nobody reads them']),
    ]
    return {
      summary: this.#timed(summary),
      missing: missing.length === 0 ? undefined : `${over.message}: ${missing.join('; ')}`,
    }
  }

  async #openTopics(): Promise<LineTarget> {
    const { broker, options, need, handler, sink, deadLetters } = this.#work
    const { lineBytesMax: maxMessageBytes, windowBytes } = need
    // One thread writes them. One partition keeps the order of each key, and each handler thread to one ring.
    const results = sink && (await broker.topic(RESULTS, { maxMessageBytes, windowBytes }))
    // A dead letter is the record and some headers: it needs more room than the record.
    const letters = await broker.topic('dead-letters', { maxMessageBytes: maxMessageBytes + 65_536 })
    // Threads take their time to start: what writes the files is made ready meanwhile.
    const handling = handleLines(broker, options, need, handler, letters.name, results?.name)
    const writing = [
      // The bytes of the topic are JSON already, and JSON has no line feed: they are the line.
      results?.group('output').handle(({ valueBytes }) => sink?.write(valueBytes ?? NULL), WRITER),
      letters.group('dead-letter-file').handle(delivery => deadLetters.addDeadLetter(delivery), WRITER),
    ]
    const [{ target, run }, ...writers] = await Promise.all([handling, ...writing])
    this.#writers.push(...writers.filter(writer => writer !== undefined))
    this.#run = run
    return target
  }

  #read(target: LineTarget): LineReader {
    const { input, options, need, deadLetters, interruption } = this.#work
    const { key: keyPath, partitions, queue } = options
    const { lineBytesMax } = need
    this.#reader = new LineReader({
      input: input.stream,
      target,
      lineBytesMax,
      deadLetters,
      signal: interruption.signal,
      keyPath,
      partitions: queue === true ? null : partitions,
    })
    return this.#reader
  }

  async #summary(): Promise<Summary> {
    const { deadLetters, interruption } = this.#work
    const counts = await this.#run?.counts()
    const { lines = 0, published = 0, records = 0 } = this.#reader ?? {}
    const { processed = 0, deadLettered = 0, failures = 0, restarts = 0, threads = 0 } = counts ?? {}
    return {
      ...{ lines, published, processed, deadLettered: deadLetters.count, reasons: deadLetters.reasons },
      ...{
        failures,
        restarts,
        results: 0,
        seconds: 0,
        linesPerSecond: 0,
        threads,
        interrupted: interruption.signal.aborted,
      },
      left: Math.max(0, records - processed - deadLettered),
    }
  }

  /** Adds the figures that are known when everything is written. */
  #timed(summary: Summary): Summary {
    const { sink, deadLetters } = this.#work
    const seconds = (performance.now() - this.#startedAtMs) / 1_000
    return {
      ...summary,
      deadLettered: deadLetters.count,
      reasons: deadLetters.reasons,
      results: sink?.lines ?? 0,
      seconds: Number(seconds.toFixed(3)),
      linesPerSecond: Math.round(summary.lines / seconds),
    }
  }
}

/** The result of a promise within ABANDON_MS; `undefined` also where it rejects. */
async function within<T>(work: Promise<T> | undefined): Promise<T | undefined> {
  return await Promise.race([work?.catch((): undefined => undefined), sleep(ABANDON_MS, undefined)])
}

async function endOf(
  sinks: readonly (LineSink | undefined)[],
  limit: { timeoutMs: number } | undefined,
): Promise<void> {
  const ended = sinks.map(sink => sink?.end())
  if (limit === undefined) await Promise.all(ended)
  else await Promise.race([Promise.allSettled(ended), sleep(limit.timeoutMs)])
}

/** The result of `work`, unless one of the others rejects first. */
async function firstOf<T>(work: Promise<T>, others: readonly (Promise<never> | undefined)[]): Promise<T> {
  work.catch(() => {}) // If another one was first, this rejection has no handler.
  return await Promise.race([work, ...others.filter(other => other !== undefined)])
}

async function neverResolving(finished: Promise<void>): Promise<never> {
  await finished
  return await new Promise<never>(() => {})
}

async function report(summary: Summary, { json, output }: RunArguments): Promise<void> {
  if (json === true) await sayAtTheEnd([JSON.stringify(summary)], output === '-' ? 2 : 1)
  else await sayAtTheEnd([toSentence(summary)], 2)
}

function isClosedPipe(error: unknown): boolean {
  return isFileError(error) && error.code === 'EPIPE'
}

function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error
}
