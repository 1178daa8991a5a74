/** What the judge of requests says of callers and handlers that say what may not be. */
import t from 'tap'
import { type AskedRequest, type RequestFacts, RequestJudge } from './request-judge.ts'

const FACTS: RequestFacts = {
  attempts: 2,
  handlerTimeoutMs: 1_000,
  dropsHead: false,
  refuses: false,
  acksPlainly: false,
  hasLetters: true,
  mayLose: () => false,
  mayExpireEarly: () => false,
}
const PLAIN: AskedRequest = { id: 'a', life: 0, timeoutMs: 100, hasTtl: false, messageId: null, within: null }

/** A request is asked at 0 and sent at 1, and then something happens; what the judge says. */
function said(happens: (judge: RequestJudge) => void, asked: Partial<AskedRequest> = {}, facts = {}): string {
  const judge = new RequestJudge({ ...FACTS, ...facts })
  judge.begins(0)
  judge.asked({ ...PLAIN, ...asked }, 0)
  judge.sent('a', 1)
  happens(judge)
  return judge.problems.join('; ')
}

t.test('an answer is what a handler returned for this very message', async t => {
  const returned = (judge: RequestJudge): number => judge.returns('a', judge.begun('a', 10))
  t.equal(
    said(judge => judge.answered('a', { id: 'a', number: returned(judge) })),
    '',
  )
  t.match(
    said(judge => judge.answered('a', { id: 'b', number: returned(judge) })),
    /its handler has not returned/,
  )
  t.match(
    said(judge => judge.answered('a', { id: 'a', number: returned(judge) + 1 })),
    /its handler has not returned/,
  )
  t.match(
    said(judge => judge.answered('a', null)),
    /its handler has not returned/,
  )
  const nothing = (judge: RequestJudge): number => judge.returns('a', judge.begun('a', 10), true)
  t.equal(
    said(judge => void (nothing(judge) === 0 && judge.answered('a', null))),
    '',
  )
})

t.test('none begins after its deadline, in another process, or when it has ended', async t => {
  t.equal(
    said(judge => judge.begun('a', 101)),
    '',
  )
  t.match(
    said(judge => judge.begun('a', 104)),
    /began 3.0 ms after its deadline/,
  )
  const late = said(judge => {
    judge.begins(1)
    judge.begun('a', 50)
  })
  t.match(late, /a of process 0 began in process 1/)
  const gone = said(judge => {
    judge.purges()
    judge.failed('a', 'purged', 20)
    judge.begun('a', 30)
  })
  t.match(gone, /began, and was told as purged before/)
})

t.test('the deadline of a request is that of the one that its handler has in hand, at the latest', async t => {
  const within = said(judge => {
    judge.begun('a', 2)
    judge.asked({ ...PLAIN, id: 'b', timeoutMs: 5_000, within: 'a' }, 10)
    judge.sent('b', 11)
    judge.failed('b', 'time-out', 100)
    judge.begun('b', 150)
  })
  t.match(within, /^R: b began 49.0 ms after its deadline$/)
})

t.test('each settles once, and by its time', async t => {
  t.match(
    said(judge => judge.mustBeSettled('a')),
    /hangs/,
  )
  t.match(
    said(judge => judge.closed()),
    /is not settled after close/,
  )
  const twice = said(judge => {
    judge.failed('a', 'time-out', 100)
    judge.excused('a', 'closed')
    judge.mustBeSettled('a')
    judge.closed()
  })
  t.match(twice, /^R: a settled as time-out, and again as closed$/)
})

t.test('a handler at work has its signal at the deadline, unless it took too long', async t => {
  const signal = (isAborted: boolean, nowMs: number): string =>
    said(judge => judge.mustHaveSignal('a', judge.begun('a', 10), isAborted, nowMs))
  t.equal(signal(true, 110), '')
  t.match(signal(false, 110), /its signal is not aborted/)
  t.equal(signal(false, 1_020), '')
})

t.test('the reason why there is no answer fits what became of the message', async t => {
  const ends = (how: Parameters<RequestJudge['failed']>[1], facts = {}, asked = {}): string =>
    said(judge => judge.failed('a', how, 50), asked, facts)
  for (const how of ['time-out', 'aborted', 'failed', 'rejected', 'decode', 'timeout', 'crashed', 'expired'] as const)
    t.match(ends(how), /does not fit/, how)
  for (const how of ['maxlen', 'full', 'cancelled', 'purged', 'duplicate', 'reply', 'lost', 'closed', 'disk'] as const)
    t.match(ends(how), /does not fit/, how)
  t.equal(ends('maxlen', { dropsHead: true }), '')
  t.equal(ends('full', { refuses: true }), '')
  t.equal(ends('expired', {}, { hasTtl: true }), '')
  t.equal(ends('duplicate', {}, { messageId: 'i' }), '')
  const failed = said(judge => {
    judge.over('a', judge.begun('a', 10), 'failed')
    judge.failed('a', 'failed', 50)
  })
  t.equal(failed, '')
})

t.test('who is told of a failure has a dead letter, and a message that ends with its caller has none', async t => {
  const told = (letters: ReadonlyMap<string, string>): string =>
    said(judge => {
      judge.over('a', judge.begun('a', 10), 'rejected')
      judge.failed('a', 'rejected', 50)
      judge.letters(letters)
    })
  t.equal(told(new Map([['a', 'rejected']])), '')
  t.match(told(new Map()), /its dead letter says undefined/)
  const expired = said(judge => {
    judge.failed('a', 'time-out', 100)
    judge.letters(new Map([['a', 'expired']]))
  })
  t.match(expired, /left a dead letter/)
})
