/**
 * Publishes a block of lines in order, and waits as long as the handlers need. A record that the topic can never take
 * (too large once encoded, nested too deep) is handed back with its reason; the others go on.
 */
import { isMillraceError, type MillraceError } from '../errors.ts'
import type { Message, Topic } from '../types.ts'
import { type BrokenLine, brokenLine, LINE_HEADER, type LineRecord } from './parse-line.ts'

/** Resolves with the lines that no record could be made of. */
export async function publishLines(topic: Topic, records: readonly LineRecord[]): Promise<BrokenLine[]> {
  let rest = records
  while (rest.length > 0) {
    try {
      await topic.publishBatch(rest.map(record => record.message))
      return []
    } catch (error) {
      rest = unpublished(rest, error)
      const cause = causeOf(error)
      if (refusal(cause) !== undefined) return await publishOneByOne(topic, rest)
      // The handlers are slow; that is not an error here.
      if (!isMillraceError(cause, 'MILL_TIMEOUT')) throw error
    }
  }
  return []
}

async function publishOneByOne(topic: Topic, records: readonly LineRecord[]): Promise<BrokenLine[]> {
  const broken: BrokenLine[] = []
  for (const { line, text, message } of records) {
    for (let published = false; !published; ) {
      try {
        await topic.publish(message)
        published = true
      } catch (error) {
        const reason = refusal(error)
        if (reason !== undefined) {
          broken.push(brokenLine(text, line, reason, (error as MillraceError).message))
          break
        }
        if (!isMillraceError(error, 'MILL_TIMEOUT')) throw error
      }
    }
  }
  return broken
}

/** Which of the records were not appended: all, unless the error lists them. */
function unpublished(records: readonly LineRecord[], error: unknown): readonly LineRecord[] {
  if (!isMillraceError(error, 'MILL_UNPUBLISHED') || !('unpublished' in error)) return records
  const lines = new Set((error.unpublished as readonly Message[]).map(message => message.headers?.[LINE_HEADER]))
  return records.filter(({ line }) => lines.has(String(line)))
}

function causeOf(error: unknown): unknown {
  return isMillraceError(error, 'MILL_UNPUBLISHED') ? error.cause : error
}

/** Why the topic can never take the record; `undefined`: it may. */
function refusal(error: unknown): 'too-large' | 'decode' | undefined {
  if (isMillraceError(error, 'MILL_TOO_LARGE')) return 'too-large'
  return isMillraceError(error, 'MILL_UNSERIALISABLE') ? 'decode' : undefined
}
