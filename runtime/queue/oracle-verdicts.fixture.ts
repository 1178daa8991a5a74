/** What becomes of a message of the naive model of a queue: it comes back, waits for a retry, dies, or is settled. */
import type { Instant } from '../base/clock.ts'
import { OracleConsumers } from './oracle-consumers.fixture.ts'
import { backoffOf, letterOf, noteFailure, type OracleMessage } from './oracle-message.fixture.ts'
import { isOver } from './oracle-times.fixture.ts'
import { giveTurns, goesFirst } from './oracle-turns.fixture.ts'
import type { LetterReason, QueueEffect, QueueLetter } from './queue-words.ts'
import type { Purge } from './taken-back.ts'

export type Rng = () => number

export class OracleVerdicts extends OracleConsumers {
  readonly settled: Set<number> = new Set()
  /** Messages that die, in the order of the verdicts; the first `sent` letters are on their way. */
  dying: OracleMessage[] = []
  sent = 0
  readonly totals = { accepted: 0, acked: 0, deadLettered: 0, expired: 0, dropped: 0, purged: 0, cancelled: 0 }
  protected turn = 0

  /** What may go, in the order in which it goes. */
  ready(): OracleMessage[] {
    const ready = this.messages.filter(({ state, keyTurn }) => state === 'ready' && keyTurn > 0)
    return ready.sort((a, b) => goesFirst(this.policy, a, b))
  }

  protected giveTurns(): void {
    giveTurns(this.messages, this.policy.keyConcurrency, () => ++this.turn)
  }

  protected cancelled(message: OracleMessage): QueueEffect {
    this.settle(message, 'cancelled')
    this.look()
    return { kind: 'cancelled', offset: message.offset }
  }

  protected comesBack(message: OracleMessage, suspect: boolean): QueueEffect {
    if (message.cancelled) return this.cancelled(message)
    message.state = 'ready'
    message.suspect = suspect
    const looping = (message.handOuts - message.failedAt) % this.policy.loopingAfter === 0
    this.look()
    return { kind: 'returned', offset: message.offset, suspect, looping }
  }

  protected fails(
    message: OracleMessage,
    reason: LetterReason,
    suspect: boolean,
    delayMs: number | null,
    at: Instant,
    rng: Rng,
  ): QueueEffect {
    if (message.cancelled) return this.cancelled(message)
    const { policy } = this
    const { offset } = message
    const failedAttempts = noteFailure(message, suspect, at.wallMs)
    if (reason === 'rejected' || reason === 'decode' || failedAttempts >= policy.attempts) {
      if (policy.hasDeadLetters) {
        this.dies(message, reason)
      } else this.settle(message, 'dropped')
      this.look()
      return { kind: policy.hasDeadLetters ? 'dying' : 'dropped', offset, failedAttempts, reason }
    }
    if (isOver(message, at.nowMs)) {
      const effect = this.expires(message)
      this.look()
      return effect
    }
    message.state = 'retrying'
    message.dueMs = at.nowMs + (delayMs ?? backoffOf(policy, failedAttempts, rng()))
    this.look()
    return { kind: 'retrying', offset, failedAttempts, dueMs: message.dueMs }
  }

  protected settle(message: OracleMessage, as: Exclude<keyof OracleVerdicts['totals'], 'accepted'>): void {
    this.messages.splice(this.messages.indexOf(message), 1)
    this.settled.add(message.offset)
    this.totals[as]++
    this.giveTurns()
  }

  protected get mayExpire(): boolean {
    return !this.policy.hasDeadLetters || this.dying.length < this.policy.heldMax
  }

  protected expires(message: OracleMessage): QueueEffect {
    const { offset, failures: failedAttempts } = message
    if (!this.policy.hasDeadLetters || message.endsQuietly) {
      this.settle(message, 'expired')
      return { kind: 'expired', offset, failedAttempts }
    }
    this.dies(message, 'expired')
    return { kind: 'dying', offset, failedAttempts, reason: 'expired' }
  }

  protected dies(message: OracleMessage, reason: LetterReason): void {
    message.state = 'dying'
    message.reason = reason
    message.keyTurn = 0
    this.dying.push(message)
    this.giveTurns()
  }

  nextLetter(): QueueLetter | null {
    const message = this.dying[this.sent]
    if (message === undefined) return null
    this.sent++
    return letterOf(message, message.reason)
  }

  lettersWritten(count: number): void {
    for (let written = 0; written < count; written++) {
      this.sent--
      this.settle(this.dying.shift() as OracleMessage, 'deadLettered')
    }
  }

  lettersRefused(): void {
    this.sent = 0
  }

  cancel(offset: number): boolean {
    const message = this.messages.find(each => each.offset === offset)
    if (message === undefined || !['ready', 'retrying', 'scheduled'].includes(message.state)) return false
    this.settle(message, 'cancelled')
    return true
  }

  purge({ from, to, most }: Purge, gone: (offset: number) => void): number | null {
    const asked = this.messages.filter(({ offset }) => offset >= from && offset < to)
    for (const message of asked.slice(0, most)) {
      if (message.state === 'unacked' || message.state === 'dying') continue
      this.settle(message, 'purged')
      gone(message.offset)
    }
    return asked[most]?.offset ?? null
  }

  next(offset: number): number | null {
    return this.messages.map(message => message.offset).find(each => each >= offset) ?? null
  }
}
