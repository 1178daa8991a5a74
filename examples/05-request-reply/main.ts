/**
 * Requests: passwords are hashed and checked on all cores. Each call resolves with what the handler returned, as `run` of a pool of threads
 * does; with retries, priorities and a deadline besides.
 *
 *   request --> queue `logins` --> worker thread
 *      ^                               |
 *      '------------ answer -----------'
 *
 * First people sign up and in, and those who sign in go first. Then come the calls that have no answer: one is refused, one waits too long, one
 * is aborted. And one whose thread ends is answered by the next thread.
 */
import { createBroker, isMillraceError, type Queue, type RequestError } from 'millrace'
import { parseOptions } from './options.ts'
import { type Login, loginsQueue, SIGN_IN } from './queues.ts'

/** Calls that wait at a time. */
const AT_ONCE = 64

type Logins = Queue<Login, string | boolean>

interface Result {
  readonly people: number
  readonly signedIn: number
  readonly turnedAway: number
  readonly afterExit: boolean
  /** How the calls without an answer ended. */
  readonly ends: readonly string[]
  readonly counts: {
    readonly acked: number
    readonly expired: number
    readonly cancelled: number
    readonly deadLettered: number
  }
  readonly restarts: number
  readonly seconds: number
}

/** Does something for each of them, so many at a time. */
async function forEach(count: number, act: (index: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) await act(next++)
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, count) }, worker))
}

/** Everybody signs up, and signs in with the right password, and every tenth with a wrong one before. */
async function signAllIn(logins: Logins, people: number): Promise<Pick<Result, 'signedIn' | 'turnedAway'>> {
  let signedIn = 0
  let turnedAway = 0
  await forEach(people, async person => {
    const [name, password] = [`person ${person}`, `secret ${person}`]
    const hash = String(await logins.request({ value: { name, password } }))
    const check = (given: string): Promise<unknown> =>
      logins.request({ value: { name, password: given, hash }, priority: SIGN_IN }, { timeoutMs: 20_000 })
    if (person % 10 === 0 && (await check('a guess')) === false) turnedAway++
    if ((await check(password)) === true) signedIn++
  })
  return { signedIn, turnedAway }
}

/** How a call ends that has no answer. */
async function endOf(answer: Promise<unknown>): Promise<string> {
  return answer.then(
    value => `answered ${value}`,
    (error: RequestError) =>
      isMillraceError(error, 'MILL_REQUEST_FAILED') ? `${error.code} ${error.reason}` : error.code,
  )
}

async function main(): Promise<void> {
  const { people, threads, json } = parseOptions(process.argv.slice(2))
  const since = performance.now()
  const broker = await createBroker({ logger: false })
  try {
    let restarts = 0
    broker.on('restarted', () => restarts++)
    const logins = await broker.queue(loginsQueue)
    // A handler that spins is ended by its own time limit: the deadline of a request ends no thread.
    const run = await logins.run({
      handler: new URL('./hashing.js', import.meta.url),
      threads,
      handlerTimeoutMs: 1_000,
    })
    const signed = await signAllIn(logins, people)

    const login = { name: 'somebody', password: 'a secret' }
    const ends = [
      await endOf(logins.request({ value: { ...login, password: '' } })),
      await endOf(logins.request({ value: { ...login, trouble: 'listens' } }, { timeoutMs: 100 })),
      await endOf(logins.request({ value: { ...login, trouble: 'listens' } }, { signal: AbortSignal.timeout(100) })),
      await endOf(logins.request({ value: { ...login, trouble: 'spins' } }, { timeoutMs: 100 })),
    ]
    const afterExit = typeof (await logins.request({ value: { ...login, trouble: 'exits' } })) === 'string'
    await run.idle()
    const { acked, expired, cancelled, deadLettered } = await logins.stats()
    const seconds = (performance.now() - since) / 1_000
    const counts = { acked, expired, cancelled, deadLettered }
    const result: Result = { people, ...signed, afterExit, ends, counts, restarts, seconds }
    console.log(json ? JSON.stringify(result) : textOf(result))
  } finally {
    await broker.close()
  }
}

function textOf({ people, signedIn, turnedAway, afterExit, ends, counts, restarts, seconds }: Result): string {
  return [
    `${people} people signed up, ${signedIn} signed in, and ${turnedAway} guesses were turned away, in ${seconds.toFixed(1)} s.`,
    `Without an answer: ${ends.join(', ')}.`,
    `The call whose thread ended was ${afterExit ? 'answered by the next thread' : 'lost'}; ${restarts} threads were started anew.`,
    `Messages: ${counts.acked} acked, ${counts.expired} expired, ${counts.cancelled} cancelled, ${counts.deadLettered} dead letters.`,
  ].join('\n')
}

void main()
