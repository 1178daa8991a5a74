/**
 * The rules of a queue that a history breaks, in words. Pure.
 *
 * One holder: who begins a message while another has it is right only if that one's thread is dead, and a dead thread has no later event.
 * An ack is one store of the handling thread, right behind the handler's return. So what was handled may come again only if that was the
 * last that its thread did. Behind a promise the store comes some microtasks later, and the thread may begin other messages before, and die
 * of them. So what was handled by a promise may come again unless its thread has said that it is settled.
 */
import type { QueueEvent, QueueLedger } from './queue-ledger.fixture.ts'

export interface QueueLetter {
  readonly message: number
  readonly reason: string
  readonly failedAttempts: number
}

export interface QueueFacts {
  /** Messages 1 to `sent` have receipts. */
  readonly sent: number
  readonly attempts: number
  readonly letters: readonly QueueLetter[]
  /** Whether the message is one that no consumer can handle. */
  isPoison(message: number): boolean
}

const PROBLEMS_MAX = 10

interface Life {
  /** Token of the consumer that has it; 0: nobody. */
  holder: number
  /** The last time that it was handled; null: never. */
  done: QueueEvent | null
  /** Handled by a consumer that may have been given up. */
  isPerhapsDone: boolean
  deliveryAttempt: number
  /** Failures that its consumers were about to tell. */
  failures: number
  /** Those of consumers that lived on, so that they were told. */
  told: number
  /** Begun, and not ended. */
  unfinished: number
}

export function judgeQueue(ledger: QueueLedger, facts: QueueFacts): string[] {
  const problems: string[] = []
  const say = (message: number, what: string): void => {
    if (problems.length < PROBLEMS_MAX) problems.push(`message ${message} ${what}`)
  }
  const last = lastEvents(ledger)
  const livesOn = (token: number, after: number): boolean => (last.get(token) ?? -1) > after
  const settled = settledEnds(ledger)
  const isTold = ({ kind, token, number }: QueueEvent): boolean =>
    kind === 'done' || kind === 'failed' ? livesOn(token, number) : settled.has(number)
  const lives = new Map<number, Life>()
  for (const event of ledger.events()) {
    const { message, token, number, kind } = event
    if (kind === 'settled') continue
    if (message < 1 || message > facts.sent) say(message, 'was handed out, and nobody sent it')
    const life = lifeOf(lives, message)
    if (kind === 'begun') {
      const { holder, done } = life
      if (holder !== 0 && livesOn(holder, number))
        say(message, `was begun by ${token} while ${holder} had it and lived`)
      if (done !== null && isTold(done)) say(message, `came again after ${done.token} had acked it`)
      judgeAttempts(event, life, facts, what => say(message, what))
      if (holder !== 0) life.unfinished++
      life.holder = token
      life.deliveryAttempt = event.deliveryAttempt
      continue
    }
    if (life.holder !== token) say(message, `was ended by ${token}, and ${life.holder || 'nobody'} had it`)
    life.holder = 0
    if (kind === 'done' || kind === 'resolving') life.done = event
    const hasFailed = kind === 'failed' || kind === 'rejecting'
    if (hasFailed) life.failures++
    // A thread may be ended between the last line of the handler and the settlement.
    if (hasFailed && isTold(event)) life.told++
    if (kind === 'late') {
      life.isPerhapsDone = true
      life.unfinished++
    }
  }
  judgeEnds(lives, facts, isTold, say)
  return problems
}

/** The last sign of life of each token. */
function lastEvents(ledger: QueueLedger): Map<number, number> {
  const last = new Map<number, number>()
  for (const { token, number } of ledger.events()) last.set(token, number)
  for (const [token, number] of last) last.set(token, Math.max(number, ledger.beatOf(token)))
  return last
}

/** Numbers of the ends by promises that were seen to. */
function settledEnds(ledger: QueueLedger): Set<number> {
  const ends = new Map<string, number>()
  const settled = new Set<number>()
  for (const { kind, token, message, number } of ledger.events()) {
    const of = `${token} ${message}`
    if (kind === 'resolving' || kind === 'rejecting') ends.set(of, number)
    if (kind === 'settled') settled.add(ends.get(of) ?? -1)
  }
  return settled
}

function lifeOf(lives: Map<number, Life>, message: number): Life {
  let life = lives.get(message)
  if (life === undefined) {
    life = { holder: 0, done: null, isPerhapsDone: false, deliveryAttempt: 0, failures: 0, told: 0, unfinished: 0 }
    lives.set(message, life)
  }
  return life
}

function judgeAttempts(event: QueueEvent, life: Life, { attempts }: QueueFacts, say: (what: string) => void): void {
  const { deliveryAttempt, failedAttempts } = event
  if (deliveryAttempt <= life.deliveryAttempt)
    say(`has deliveryAttempt ${deliveryAttempt} after ${life.deliveryAttempt}`)
  if (failedAttempts >= deliveryAttempt || failedAttempts < life.told)
    say(`has failedAttempts ${failedAttempts} at hand-out ${deliveryAttempt}, after ${life.told} told failures`)
  if (failedAttempts >= attempts) say(`was handed out after ${failedAttempts} failures, and ${attempts} are allowed`)
}

/** Each message was handled or is one dead letter, and not both. */
function judgeEnds(
  lives: ReadonlyMap<number, Life>,
  facts: QueueFacts,
  isTold: (end: QueueEvent) => boolean,
  say: (message: number, what: string) => void,
): void {
  const letters = new Map<number, QueueLetter>()
  for (const letter of facts.letters) {
    if (letters.has(letter.message)) say(letter.message, 'has two dead letters')
    letters.set(letter.message, letter)
  }
  for (let message = 1; message <= facts.sent; message++) {
    const life = lives.get(message)
    const letter = letters.get(message)
    const done = life?.done ?? null
    if (letter === undefined) {
      if (done === null && life?.isPerhapsDone !== true) say(message, 'is lost: never handled, and no dead letter')
      continue
    }
    if (done !== null && isTold(done)) say(message, 'was acked, and has a dead letter')
    const { reason, failedAttempts } = letter
    if (reason === 'rejected') continue
    if (failedAttempts !== facts.attempts)
      say(message, `has a dead letter after ${failedAttempts} failures, and ${facts.attempts} are allowed`)
    // A thread may be ended between the word that says what has begun and the first line of the handler.
    const ends = (life?.unfinished ?? 0) + ((life?.holder ?? 0) === 0 ? 0 : 1) + (life?.failures ?? 0)
    if (!facts.isPoison(message) && ends < facts.attempts - 1)
      say(message, `has a dead letter (${reason}), and only ${ends} of its consumers failed or died`)
  }
}
