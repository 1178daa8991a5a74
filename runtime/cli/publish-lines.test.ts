import t from 'tap'
import { MillraceError, UnpublishedError } from '../words/errors.ts'
import type { Message, PublishOptions } from '../words/message.ts'
import type { Topic } from '../words/topic.ts'
import type { LineRecord } from './parse-line.ts'
import { publishLines } from './publish-lines.ts'

const TOO_LARGE = new MillraceError('MILL_TOO_LARGE', 'a record of 12 bytes is over 10')

const ignored = (): void => undefined

function records(...values: unknown[]): LineRecord[] {
  return values.map((value, i) => {
    const block = Buffer.from(JSON.stringify(value))
    return { line: i + 1, read: { block, start: 0, end: block.length }, message: { value } }
  })
}

interface Calls {
  readonly appended: unknown[]
  flushes: number
}

/** A topic of which only publishing works: `batch` may throw what it likes. */
function topicOf(
  calls: Calls,
  batch: (messages: readonly Message[]) => void,
  flush: () => Promise<void> = async () => {},
): Topic {
  const append = (message: Message, options?: PublishOptions) => {
    if (options?.timeoutMs !== Number.POSITIVE_INFINITY) throw new Error('slow handlers would be an error')
    if (message.value === 'large') throw TOO_LARGE
    calls.appended.push(message.value)
  }
  return {
    publish: async (message: Message, options?: PublishOptions) => append(message, options),
    publishBatch: async (messages: readonly Message[], options?: PublishOptions) => {
      batch(messages)
      for (const message of messages) append(message, options)
    },
    flush: () => {
      calls.flushes++
      return flush()
    },
  } as unknown as Topic
}

t.test('a record that is too large is handed back, the others are published in order', async t => {
  const calls = { appended: [], flushes: 0 }
  const topic = topicOf(calls, messages => {
    if (messages.some(({ value }) => value === 'large')) throw TOO_LARGE
  })
  t.match(await publishLines(topic, records('a', 'large', 'b', 'large'), ignored), [
    { line: 2, reason: 'too-large', error: 'the line makes a record of 12 bytes, more than 10', raw: '"large"' },
    { line: 4, reason: 'too-large' },
  ])
  t.strictSame(calls, { appended: ['a', 'b'], flushes: 0 })
})

t.test('what is on its way when a batch fails is not published again, but waited for', async t => {
  const calls = { appended: [] as unknown[], flushes: 0 }
  const failing = (messages: readonly Message[]): void => {
    calls.appended.push(messages[0]?.value)
    throw new UnpublishedError('half', messages.slice(2), messages.slice(0, 2), TOO_LARGE)
  }
  t.match(await publishLines(topicOf(calls, failing), records('a', 'b', 'large', 'c'), ignored), [{ line: 3 }])
  t.strictSame(calls, { appended: ['a', 'c'], flushes: 1 })
  const lost = new MillraceError('MILL_THREAD_LOST', 'gone')
  await t.rejects(
    publishLines(
      topicOf(calls, failing, () => Promise.reject(lost)),
      records('a', 'b', 'c'),
      ignored,
    ),
    lost,
  )
})

t.test('other errors are not hidden', async t => {
  const calls = { appended: [], flushes: 0 }
  const closed = new MillraceError('MILL_CLOSED', 'closed')
  for (const error of [closed, new UnpublishedError('none', [], [], closed)])
    await t.rejects(
      publishLines(
        topicOf(calls, () => {
          throw error
        }),
        records('a'),
        ignored,
      ),
      { code: 'MILL_CLOSED' },
    )
})
