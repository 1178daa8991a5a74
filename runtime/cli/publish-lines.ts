/**
 * Publishes a block of lines in order, and waits as long as the handlers need. A record that the topic can never take
 * (too large once encoded, nested too deep) is handed back with its reason. The others are published.
 *
 * When it resolves, each line was appended or is handed back. Lines on their way when a batch failed
 * (`UnpublishedError.unknown`) are not published again, or a line could be handled twice. They are waited for.
 */
import { isMillraceError, type MillraceError, type UnpublishedError } from '../words/errors.ts'
import { inWordsOfLines } from './broker-words.ts'
import type { LineTarget } from './line-handling.ts'
import { type BrokenLine, brokenLine, type LineRecord, textOf } from './parse-line.ts'

/** Slow handlers are no error here, however slow. */
const AS_LONG_AS_IT_TAKES = { timeoutMs: Number.POSITIVE_INFINITY } as const

/**
 * Resolves with the lines that cannot be records. `failed` is called when not all of them go at once.
 *
 * @throws errors of the topic from which it cannot continue
 */
export async function publishLines(
  topic: LineTarget,
  records: readonly LineRecord[],
  failed: () => void,
): Promise<BrokenLine[]> {
  if (records.length === 0) return []
  try {
    await topic.publishBatch(
      records.map(record => record.message),
      AS_LONG_AS_IT_TAKES,
    )
    return []
  } catch (error) {
    failed()
    if (!isMillraceError(error, 'MILL_UNPUBLISHED')) {
      if (refusal(error) === undefined) throw error
      return await publishOneByOne(topic, records)
    }
    if (refusal(error.cause) === undefined) throw error.cause
    const { unpublished, unknown } = error as unknown as UnpublishedError
    const broken = await publishOneByOne(topic, linesOf(records, unpublished))
    if (unknown.length > 0) await topic.flush()
    return broken
  }
}

async function publishOneByOne(topic: LineTarget, records: readonly LineRecord[]): Promise<BrokenLine[]> {
  const broken: BrokenLine[] = []
  for (const { line, read, message } of records) {
    try {
      await topic.publish(message, AS_LONG_AS_IT_TAKES)
    } catch (error) {
      const reason = refusal(error)
      if (reason === undefined) throw error
      const { code, message } = error as MillraceError
      broken.push(brokenLine(textOf(read), line, reason, inWordsOfLines(code, message, 'line')))
    }
  }
  return broken
}

function linesOf(records: readonly LineRecord[], messages: readonly unknown[]): readonly LineRecord[] {
  const left = new Set(messages)
  return records.filter(({ message }) => left.has(message))
}

/** Why the topic can never take the record; `undefined`: it may. */
function refusal(error: unknown): 'too-large' | 'decode' | undefined {
  if (isMillraceError(error, 'MILL_TOO_LARGE')) return 'too-large'
  return isMillraceError(error, 'MILL_UNSERIALISABLE') ? 'decode' : undefined
}
