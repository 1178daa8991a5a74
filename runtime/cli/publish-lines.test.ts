import t from 'tap'
import { MillraceError, UnpublishedError } from '../errors.ts'
import type { Message, Topic } from '../types.ts'
import { type LineRecord, parseLine } from './parse-line.ts'
import { publishLines } from './publish-lines.ts'

const TOO_LARGE = new MillraceError('MILL_TOO_LARGE', 'too large')

function records(...values: unknown[]): LineRecord[] {
  return values.map(
    (value, i) => parseLine(JSON.stringify(value), i + 1, { keyPath: undefined, partitions: 1 }) as LineRecord,
  )
}

/** A topic of which only publishing works: `batch` may throw what it likes. */
function topicOf(appended: unknown[], batch: (messages: readonly Message[]) => void): Topic {
  const append = (message: Message) => {
    if (message.value === 'large') throw TOO_LARGE
    appended.push(message.value)
  }
  return {
    publish: async (message: Message) => append(message),
    publishBatch: async (messages: readonly Message[]) => {
      batch(messages)
      for (const message of messages) append(message)
    },
  } as unknown as Topic
}

t.test('a record that is too large is handed back, the others are published in order', async t => {
  const appended: unknown[] = []
  const topic = topicOf(appended, messages => {
    if (messages.some(({ value }) => value === 'large')) throw TOO_LARGE
  })
  t.match(await publishLines(topic, records('a', 'large', 'b', 'large')), [
    { line: 2, reason: 'too-large', error: 'too large', raw: '"large"' },
    { line: 4, reason: 'too-large' },
  ])
  t.same(appended, ['a', 'b'])
})

t.test('only what was not appended is published again', async t => {
  const appended: unknown[] = []
  let calls = 0
  const topic = topicOf(appended, messages => {
    if (calls++ > 0) return
    appended.push(messages[1]?.value)
    throw new UnpublishedError(
      'half',
      [messages[0], messages[2]],
      [],
      new MillraceError('MILL_TIMEOUT', 'slow', { retriable: true }),
    )
  })
  t.same(await publishLines(topic, records('a', 'b', 'c')), [])
  t.same(appended, ['b', 'a', 'c'])
  t.equal(calls, 2)
})

t.test('other errors are not hidden', async t => {
  const topic = topicOf([], () => {
    throw new MillraceError('MILL_CLOSED', 'closed')
  })
  await t.rejects(publishLines(topic, records('a')), { code: 'MILL_CLOSED' })
})
