/**
 * Reads the input to its end, or until the signal, and publishes what it reads.
 *
 * Main thread. Back-pressure: the records of a chunk are published when those of the last but one are appended. So at most three chunks
 * are in memory, whatever the size of the input. Lines keep their order: which records the topic refuses is known in the turn in which
 * they are published, and while the others of that chunk go one by one, the next chunk waits.
 */
import type { Readable } from 'node:stream'
import { readerCodecOf } from '../reader/learning-json.ts'
import type { DeadLetterLog } from './dead-letter-log.ts'
import type { LineTarget } from './line-handling.ts'
import { type Line, LineSplitter } from './line-splitter.ts'
import { type LineRecord, type ParseOptions, parseLine } from './parse-line.ts'
import { publishLines } from './publish-lines.ts'

export interface LineReaderOptions extends Omit<ParseOptions, 'codec'> {
  readonly input: Readable
  readonly target: LineTarget
  /** Longest line that is read; the target's limit for a whole record is the same. */
  readonly lineBytesMax: number
  readonly deadLetters: DeadLetterLog
  readonly signal: AbortSignal
}

export class LineReader {
  readonly #options: LineReaderOptions
  readonly #parsing: ParseOptions
  /** What the records of the last chunk come to, and of the one before. */
  #publishing: Promise<void> = Promise.resolve()
  #before: Promise<void> = Promise.resolve()
  /** Whether records of the last chunk were refused, and the others go one by one. */
  #goesOneByOne = false
  #lines = 0
  #published = 0
  #records = 0

  constructor(options: LineReaderOptions) {
    this.#options = options
    this.#parsing = { codec: readerCodecOf('json'), keyPath: options.keyPath, partitions: options.partitions }
  }

  /** Lines taken so far, blank and broken ones too: the number of the last one. */
  get lines(): number {
    return this.#lines
  }

  get published(): number {
    return this.#published
  }

  /** Number of records made of lines, also those that wait for room. */
  get records(): number {
    return this.#records
  }

  /** Resolves when everything read is appended. @throws what the input or the target throws. */
  async run(): Promise<void> {
    const { input, signal, lineBytesMax } = this.#options
    if (signal.aborted) return
    const splitter = new LineSplitter(lineBytesMax)
    const stop = () => input.destroy()
    signal.addEventListener('abort', stop, { once: true })
    try {
      for await (const chunk of input) {
        await this.#take(splitter.push(chunk as Uint8Array))
        if (signal.aborted) break
      }
    } catch (error) {
      // Destroying the input ends the loop with an error of its own.
      if (!signal.aborted || !isPrematureClose(error)) throw error
    } finally {
      signal.removeEventListener('abort', stop)
    }
    if (!signal.aborted) await this.#take(splitter.end())
    await Promise.all([this.#before, this.#publishing])
  }

  async #take(lines: readonly Line[]): Promise<void> {
    const { input, deadLetters } = this.#options
    const records: LineRecord[] = []
    for (const line of lines) {
      const parsed = parseLine(line, ++this.#lines, this.#parsing)
      if (parsed === undefined) continue
      if ('message' in parsed) records.push(parsed)
      else await deadLetters.addBroken(parsed)
    }
    this.#records += records.length
    await (this.#goesOneByOne ? this.#publishing : this.#before)
    this.#before = this.#publishing
    this.#publishing = this.#publish(records)
    // The next chunk may be long in coming.
    this.#publishing.catch((error: unknown) => input.destroy(error as Error))
    await new Promise(setImmediate)
  }

  async #publish(records: readonly LineRecord[]): Promise<void> {
    const { target, deadLetters } = this.#options
    let goesOneByOne = false
    const refused = await publishLines(target, records, () => {
      goesOneByOne = true
      this.#goesOneByOne = true
    })
    // The chunk before it may be appended only now.
    if (goesOneByOne) this.#goesOneByOne = false
    this.#records -= refused.length
    for (const broken of refused) await deadLetters.addBroken(broken)
    this.#published += records.length - refused.length
  }
}

function isPrematureClose(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    (error.code === 'ERR_STREAM_PREMATURE_CLOSE' || error.code === 'ABORT_ERR')
  )
}
