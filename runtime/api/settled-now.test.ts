/** Waits for what a group is to settle: a wait that is left is told to partition hosts, once. */
import t from 'tap'
import type { Session } from '../embedded/session.ts'
import { settledNow } from './settled-now.ts'

const WHAT = { topic: 3, group: 'g', butLater: true }

/** A control thread that answers when `settle` is called. */
function playedSession() {
  const asked: unknown[][] = []
  let settle = (): void => undefined
  const control = {
    groupIdle: (...call: unknown[]) => {
      asked.push(['wait', ...call])
      return new Promise<void>(resolve => {
        settle = resolve
      })
    },
    leaveIdle: async (wait: number) => {
      asked.push(['leave', wait])
      settle()
    },
  }
  const session = { ask: (call: (api: typeof control) => Promise<void>) => call(control) } as unknown as Session
  return { session, asked, settle: () => settle() }
}

t.test('resolves when all is settled, and then leaves nothing', async t => {
  const { session, asked, settle } = playedSession()
  const left = new AbortController()
  const waits = settledNow(session, WHAT, left.signal)
  settle()
  await waits
  left.abort()
  const [call] = asked
  t.same(asked.length, 1)
  t.same(call?.slice(0, 4), ['wait', 3, 'g', true])
})

t.test('a wait that is left is told, by its number', async t => {
  const { session, asked } = playedSession()
  const left = new AbortController()
  const waits = settledNow(session, WHAT, left.signal)
  left.abort()
  await waits
  t.same(asked.length, 2)
  t.same(asked[1], ['leave', asked[0]?.[4]])
})

t.test('one that was left before is not begun', async t => {
  const { session, asked } = playedSession()
  await settledNow(session, WHAT, AbortSignal.abort())
  t.same(asked, [])
})

t.test('a broker that is closed is left without an error', async t => {
  const { session, settle } = playedSession()
  const left = new AbortController()
  const waits = settledNow(session, WHAT, left.signal)
  session.ask = () => {
    throw new Error('closed')
  }
  t.doesNotThrow(() => left.abort())
  settle()
  await waits
})
