/** The order of lines and the bound of what is on its way, with a target that appends when it is told. */
import { Readable } from 'node:stream'
import t from 'tap'
import { MillraceError } from '../words/errors.ts'
import type { Message } from '../words/message.ts'
import type { DeadLetterLog } from './dead-letter-log.ts'
import type { LineTarget } from './line-handling.ts'
import { LineReader } from './line-reader.ts'

interface Scene {
  readonly reader: LineReader
  /** Numbers of lines, in the order in which they were handed in. */
  readonly handed: string[]
  readonly broken: number[]
  /** Ends of batches that are on their way. */
  readonly batches: (() => void)[]
}

/** `refused`: a batch with the line of this number is refused, and so is the line. */
function sceneOf(input: Readable, refused: number, failure: Error | null = null): Scene {
  const handed: string[] = []
  const broken: number[] = []
  const batches: (() => void)[] = []
  const lineOf = ({ headers }: Message): string => (headers as unknown as { readonly line: string }).line
  const tooLarge = new MillraceError('MILL_TOO_LARGE', 'a record of 12 bytes is over 10')
  const target: LineTarget = {
    async publish(message) {
      await turns()
      if (lineOf(message) === String(refused)) throw tooLarge
      handed.push(lineOf(message))
    },
    publishBatch(messages) {
      if (failure !== null) return Promise.reject(failure)
      const lines = messages.map(lineOf)
      if (lines.includes(String(refused))) return Promise.reject(tooLarge)
      handed.push(...lines)
      return new Promise<void>(resolve => batches.push(resolve))
    },
    flush: async () => undefined,
  }
  const deadLetters = { addBroken: ({ line }: { readonly line: number }) => void broken.push(line) }
  const reader = new LineReader({
    input,
    target,
    lineBytesMax: 1_000,
    deadLetters: deadLetters as unknown as DeadLetterLog,
    signal: new AbortController().signal,
    keyPath: undefined,
    partitions: 1,
  })
  return { reader, handed, broken, batches }
}

/** Chunks of two lines each. */
function chunks(count: number): Readable {
  return Readable.from(Array.from({ length: count }, (_, chunk) => Buffer.from(`{"a":${chunk}}\n[]\n`)))
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
}

t.test('two chunks are on their way, and no more', async t => {
  const { reader, handed, batches } = sceneOf(chunks(5), 0)
  const run = reader.run()
  await turns()
  t.strictSame(handed, ['1', '2', '3', '4'])
  batches[0]?.()
  await turns()
  t.strictSame(handed, ['1', '2', '3', '4', '5', '6'])
  for (let batch = 1; batch < 5; batch++) {
    batches[batch]?.()
    await turns()
  }
  await run
  t.strictSame([reader.lines, reader.published, handed.length], [10, 10, 10])
})

t.test('while lines of a refused chunk go one by one, no later line goes', async t => {
  const { reader, handed, broken, batches } = sceneOf(chunks(4), 3)
  const run = reader.run()
  // The chunk before is appended at once, and later ones when they are handed in.
  for (let turn = 0; turn < 200; turn++) {
    await new Promise(setImmediate)
    batches.shift()?.()
  }
  await run
  t.strictSame(handed, ['1', '2', '4', '5', '6', '7', '8'])
  t.strictSame(broken, [3])
  t.equal(reader.published, 7)
})

t.test('what the target cannot take at all ends the reading, also while nothing more comes', async t => {
  const input = new Readable({ read: () => undefined })
  const { reader } = sceneOf(input, 0, new MillraceError('MILL_CLOSED', 'closed'))
  input.push('{"a":1}\n{"a":2}\n')
  await t.rejects(reader.run(), { code: 'MILL_CLOSED' })
})
