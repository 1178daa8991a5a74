/** The requests of a thread: each ends once, and no more wait than may. */
import { Memory } from 'sharedarraybuffer-ring'
import t from 'tap'
import { type AnswerKind, tagOf } from '../link/answers.ts'
import { rejection } from '../proof/fixtures/broker.fixture.ts'
import type { AttachedThread } from '../thread/attached-thread.ts'
import { THREAD_BYTES, THREAD_TAG } from '../wire/layout.ts'
import { MillraceError } from '../words/errors.ts'
import { PENDING_MAX, Requests } from './requests.ts'
import type { TopicProducer } from './topic-producer.ts'

const LONG = { timeoutMs: 60_000, signal: undefined }

interface Sent {
  readonly number: number
  readonly deadlineMs: number
  resolve(receipt: { offset: number; duplicate: boolean; id: string }): void
  reject(error: Error): void
}

function house() {
  const memory = Memory.allocate(2 * THREAD_BYTES)
  const thread = { id: 3, memory, address: THREAD_BYTES, answer: (() => undefined) as AttachedThread['answer'] }
  const cancelled: number[] = []
  const requests = new Requests(thread as unknown as AttachedThread, async (_queue, offset) => {
    cancelled.push(offset)
  })
  const sent: Sent[] = []
  const producer = {
    topic: { id: 5, name: 'asked', queue: {} },
    publish: (_message: unknown, { request }: { request: { client: number; request: number; deadlineMs: number } }) =>
      new Promise((resolve, reject) => {
        sent.push({ number: request.request, deadlineMs: request.deadlineMs, resolve, reject })
      }),
  } as unknown as TopicProducer
  const answer = (at: number, kind: AnswerKind, text = ''): void => {
    const bytes = Buffer.from(text)
    thread.answer((sent[at] as Sent).number, kind, { before: 0, all: bytes.length, bytes })
  }
  return { memory, requests, producer, sent, cancelled, answer }
}

const RECEIPT = { offset: 9, duplicate: false, id: '5.9' }

t.test('the first end counts, and what comes later is dropped', async t => {
  const { requests, producer, sent, answer, cancelled } = house()
  const answered = requests.send(producer, { value: 1 }, LONG)
  answer(0, 'json', '{"a":1}')
  answer(0, 'json', '{"a":2}')
  sent[0]?.resolve(RECEIPT)
  t.strictSame(await answered, { a: 1 }, 'an answer may come before the receipt')
  const failed = rejection(requests.send(producer, { value: 1 }, LONG))
  sent[1]?.reject(new MillraceError('MILL_FULL', 'no room'))
  t.match(await failed, { code: 'MILL_FULL' })
  answer(1, 'json', '{}')
  const late = rejection(requests.send(producer, { value: 1 }, { ...LONG, timeoutMs: 5 }))
  t.match(await late, { code: 'MILL_TIMEOUT' })
  sent[2]?.resolve(RECEIPT)
  answer(2, 'nothing')
  t.equal(requests.size, 0)
  t.strictSame(cancelled, [], 'the time of a message ends it by itself')
})

t.test('one that is aborted is cancelled, as soon as it is known where it is', async t => {
  const { requests, producer, sent, cancelled } = house()
  const [early, late] = [new AbortController(), new AbortController()]
  const first = rejection(requests.send(producer, { value: 1 }, { ...LONG, signal: early.signal }))
  early.abort()
  t.match(await first, { code: 'MILL_ABORTED' })
  sent[0]?.resolve({ ...RECEIPT, offset: 1 })
  const second = rejection(requests.send(producer, { value: 1 }, { ...LONG, signal: late.signal }))
  sent[1]?.resolve({ ...RECEIPT, offset: 2 })
  await new Promise(setImmediate)
  late.abort('why')
  t.match(await second, { code: 'MILL_ABORTED', cause: 'why' })
  await new Promise(setImmediate)
  t.strictSame(cancelled, [1, 2])
})

t.test('an expired message is a time-out at the deadline, and a failure before it', async t => {
  const { requests, producer, answer } = house()
  const early = rejection(requests.send(producer, { value: 1 }, LONG))
  answer(0, 'expired')
  t.match(await early, { code: 'MILL_REQUEST_FAILED', reason: 'expired' })
  const near = rejection(requests.send(producer, { value: 1 }, { ...LONG, timeoutMs: 10 }))
  answer(1, 'expired')
  t.match(await near, { code: 'MILL_TIMEOUT' })
})

t.test('the deadline of what is in hand bounds a request made there', async t => {
  const { requests, producer, sent } = house()
  const until = performance.now() + 30
  const bounded = rejection(requests.send(producer, { value: 1 }, LONG, until))
  t.equal(sent[0]?.deadlineMs, until)
  t.match(await bounded, { code: 'MILL_TIMEOUT' })
  t.match(await rejection(requests.send(producer, { value: 1 }, LONG, performance.now() - 1)), { code: 'MILL_TIMEOUT' })
  t.equal(sent.length, 1, 'nothing is sent that is too late')
})

t.test('the time of a request goes on while its queue is opened, and so does its signal', async t => {
  const { requests, producer, sent } = house()
  let opened: (producer: TopicProducer) => void = () => undefined
  const opening = { name: 'asked', producer: new Promise<TopicProducer>(resolve => (opened = resolve)) }
  const deadline = performance.now() + 10_000
  const patient = rejection(requests.send(opening, { value: 1 }, { ...LONG, timeoutMs: 10_000 }))
  t.match(await rejection(requests.send(opening, { value: 2 }, { ...LONG, timeoutMs: 5 })), { code: 'MILL_TIMEOUT' })
  const abort = new AbortController()
  const aborted = rejection(requests.send(opening, { value: 3 }, { ...LONG, signal: abort.signal }))
  abort.abort()
  t.match(await aborted, { code: 'MILL_ABORTED' })
  const late = requests.send(opening, { value: 4 }, { ...LONG, signal: abort.signal })
  t.match(await rejection(late), { code: 'MILL_ABORTED' })
  t.equal(requests.size, 1)
  await new Promise(resolve => setTimeout(resolve, 20))
  opened(producer)
  await new Promise(setImmediate)
  t.equal(sent.length, 1, 'those that are over are not sent')
  t.ok(Math.abs((sent[0]?.deadlineMs as number) - deadline) < 15)
  requests.queueGone(5, new MillraceError('MILL_TOPIC_DELETED', 'gone'))
  t.match(await patient, { code: 'MILL_TOPIC_DELETED' })
  const failing = { name: 'asked', producer: Promise.reject(new MillraceError('MILL_CLOSED', 'closed')) }
  t.match(await rejection(requests.send(failing, { value: 5 }, LONG)), { code: 'MILL_CLOSED' })
})

t.test('no more wait than may, and all have the tag of their thread', async t => {
  const { memory, requests, producer, sent } = house()
  t.equal(memory.load(THREAD_BYTES + THREAD_TAG), 0, 'a thread without requests has none')
  const all = Array.from({ length: PENDING_MAX }, () => requests.send(producer, { value: 1 }, LONG))
  const tag = memory.load(THREAD_BYTES + THREAD_TAG)
  t.ok(tag > 0)
  t.ok(sent.every(({ number }) => tagOf(number) === tag))
  t.equal(new Set(sent.map(({ number }) => number)).size, PENDING_MAX)
  const message = { value: 'one more' }
  const oneMore = requests.send(producer, message, { ...LONG, timeoutMs: 50 })
  t.match(await rejection(oneMore), { code: 'MILL_FULL', refused: message })
  requests.queueGone(5, new MillraceError('MILL_TOPIC_DELETED', 'gone'))
  const ends = await Promise.allSettled(all)
  t.ok(ends.every(end => end.status === 'rejected' && end.reason.code === 'MILL_TOPIC_DELETED'))
  t.equal(requests.size, 0)
})
