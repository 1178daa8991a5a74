/** Answers to requests that wait in a host: in order, within their bound, and never asleep behind room. */
import t from 'tap'
import { ANSWER_BYTES, PIECE_TO_THREAD } from '../link/answers.ts'
import type { HostLink } from '../link/host-link.ts'
import { HostAnswers, PARKED_BYTES } from './host-answers.ts'

interface PlayedLink {
  readonly link: HostLink
  /** Bytes that have room. */
  room: number
  published: number
  isAbandoned: boolean
  readonly sent: string[]
}

function playedLink(): PlayedLink {
  const played: PlayedLink = { link: null as unknown as HostLink, room: 0, published: 0, isAbandoned: false, sent: [] }
  const link = {
    waitsFor: (request: number) => request < 1_000,
    answerPiece: ({ request }: { request: number }, kind: string, before: number, all: number, bytes: Uint8Array) => {
      if (played.room < ANSWER_BYTES + bytes.length) return false
      played.room -= ANSWER_BYTES + bytes.length
      played.sent.push(`${request} ${kind} ${before}+${bytes.length} of ${all}`)
      return true
    },
    publish: () => {
      played.published++
      return true
    },
    get isAbandoned() {
      return played.isAbandoned
    },
  }
  return Object.assign(played, { link: link as unknown as HostLink })
}

t.test('answers go in order, in pieces, as there is room', async t => {
  const one = playedLink()
  const answers = new HostAnswers(thread => (thread === 7 ? one.link : null))
  answers.answer({ client: 7, request: 1 }, 'bytes', new Uint8Array(PIECE_TO_THREAD + 10))
  answers.answer({ client: 7, request: 2 }, 'nothing', new Uint8Array(0))
  t.equal(answers.flush(), false, 'there is no room')
  t.equal(one.published, 0, 'a thread is not woken for nothing')
  one.room = PIECE_TO_THREAD + ANSWER_BYTES
  t.equal(answers.flush(), true)
  t.strictSame(one.sent, [`1 bytes 0+${PIECE_TO_THREAD} of ${PIECE_TO_THREAD + 10}`])
  one.room = 10_000
  t.equal(answers.flush(), true, 'the host that is about to sleep hears that there is room again')
  t.strictSame(one.sent.slice(1), [`1 bytes ${PIECE_TO_THREAD}+10 of ${PIECE_TO_THREAD + 10}`, '2 nothing 0+0 of 0'])
  t.equal(one.published, 2)
  t.equal(answers.flush(), false)
})

t.test('beyond the bound of what waits a caller hears that its answer is lost', async t => {
  const one = playedLink()
  const answers = new HostAnswers(() => one.link)
  const half = new Uint8Array(PARKED_BYTES / 2)
  for (const request of [1, 2, 3]) answers.answer({ client: 7, request }, 'bytes', half)
  answers.answer({ client: 7, request: 4 }, 'json', new Uint8Array(0))
  one.room = Number.POSITIVE_INFINITY
  answers.flush()
  const last = one.sent.filter(text => !text.startsWith('1 ') && !text.startsWith('2 '))
  t.strictSame(last, ['3 lost 0+0 of 0', '4 json 0+0 of 0'])
  answers.answer({ client: 7, request: 5 }, 'bytes', half)
  answers.flush()
  t.match(one.sent.at(-1), /^5 bytes/, 'what was sent counts no more')
})

t.test('what nobody waits for is dropped', async t => {
  const one = playedLink()
  one.room = Number.POSITIVE_INFINITY
  const answers = new HostAnswers(thread => (thread === 7 ? one.link : null))
  answers.answer({ client: 8, request: 1 }, 'nothing', new Uint8Array(0))
  answers.answer({ client: 7, request: 1_000 }, 'nothing', new Uint8Array(0))
  t.equal(answers.flush(), false)
  t.strictSame(
    [8, 7, 7].map((client, at) => answers.waits({ client, request: [1, 1_000, 1][at] as number })),
    [false, false, true],
  )
  one.room = 0
  answers.answer({ client: 7, request: 1 }, 'nothing', new Uint8Array(0))
  one.isAbandoned = true
  answers.flush()
  one.room = 1_000
  t.equal(answers.flush(), false, 'nothing waits for a thread that has ended')
})
