/**
 * What is known of one queue whose processes are killed, and what it must do because of that. Pure.
 *
 * The parent; it hears lines of the processes (queue-killed-child.fixture.ts). Lives are numbered, and end by a death or a close; a look is a life.
 *
 * Of hand-outs it knows those that were begun. One that was out at a death counts, whether or not it was begun. So `deliveryAttempt` is exact
 * when the life that began a message died with it and the next one begins it, and is bounded otherwise.
 * Bound: a few words for each message, and PROBLEMS_MAX problems.
 */
import type { QueueStats } from '../../words/queue-stats.ts'
import { conductOf, KILLED, timesOf } from './queue-killed.fixture.ts'
import { KilledKeys } from './queue-killed-keys.fixture.ts'

const PROBLEMS_MAX = 20
/** The clocks of two moments are two. */
const EARLY_MS = 5
/** Deaths before a message is dead-lettered as crashed: two beside others, and two alone. */
const ACCUSED_AFTER = 4

export interface KilledLetter {
  readonly key: string
  readonly reason: string
  readonly failedAttempts: number
}

interface Known {
  readonly sentIn: number
  id: string
  hasReceipt: boolean
  /** The last life that began it, with its counters, and whether it is with a consumer. */
  begunIn: number
  attempt: number
  failed: number
  isOut: boolean
  /** The last life in which it was about to be acked. */
  ackedIn: number
  confirmed: 'ack' | 'reject' | undefined
  /** Whether it was to be cancelled, and what the queue has said to that. */
  toCancel: boolean
  outcome: string | undefined
  /** Whether nobody knows what became of its update; its priority and when it is due by that, or -1. */
  isUnsure: boolean
  priority: number
  dueAt: number
  /** Whether it was taken, and when all that waited was purged it waited. */
  taken: boolean
  purged: boolean
  /** Failures that are confirmed. */
  failuresKept: number
}

export class QueueKillOracle {
  readonly problems: string[] = []
  #life = 0
  #receipts = 0
  #begins = 0
  #confirms = 0
  #duplicates = 0
  #cancelled = 0
  #updated = 0
  /** The life of the last purge: what has a delay and was sent before may be gone. */
  #purgedIn = -1
  readonly #sent = new Map<number, number>()
  readonly #known = new Map<string, Known>()
  readonly #names = new Map<string, string>()
  readonly #keys = new KilledKeys()

  get receipts(): number {
    return this.#receipts
  }

  get begins(): number {
    return this.#begins
  }

  get confirms(): number {
    return this.#confirms
  }

  get duplicates(): number {
    return this.#duplicates
  }

  get cancelled(): number {
    return this.#cancelled
  }

  get updated(): number {
    return this.#updated
  }

  sentIn(life: number): number {
    return this.#sent.get(life) ?? 0
  }

  hear(life: number, line: string): void {
    this.#life = life
    const [word, first = '', second = '', third = '', fourth = ''] = line.split(' ')
    if (word === 's') this.#sent.set(life, Number(first))
    else if (word === 'a' || word === 'd') this.#receipt(first, second, word === 'd')
    else if (word === 'w') this.#say(line.slice(2))
    else if (word === 'x') this.#of(first).toCancel = true
    else if (word === 'y') this.#cancel(first, second)
    else if (word === 'u') this.#of(first).isUnsure = true
    else if (word === 'v') this.#update(first, second, Number(third), Number(fourth))
    else if (word === 'b') this.begin(life, first, second, Number(third), Number(fourth))
    else if (word === 'e') this.#end(life, first, second)
    else if (word === 'c') this.#confirm(first, second, Number(third))
  }

  #say(problem: string): void {
    if (this.problems.length < PROBLEMS_MAX) this.problems.push(problem)
  }

  #of(key: string): Known {
    let known = this.#known.get(key)
    if (known === undefined) {
      const [life = -1, sequence = -1] = key.split(':').map(Number)
      if (!(sequence < (this.#sent.get(life) ?? 0))) this.#say(`${key} was never sent`)
      known = {
        sentIn: life,
        id: '',
        hasReceipt: false,
        begunIn: -1,
        attempt: 0,
        failed: 0,
        isOut: false,
        ackedIn: -1,
        confirmed: undefined,
        toCancel: false,
        outcome: undefined,
        isUnsure: false,
        priority: -1,
        dueAt: -1,
        taken: false,
        purged: false,
        failuresKept: 0,
      }
      this.#known.set(key, known)
    }
    return known
  }

  #identify(key: string, id: string): Known {
    const known = this.#of(key)
    if (known.id !== '' && known.id !== id) this.#say(`${key} is ${id}, and was ${known.id}`)
    const other = this.#names.get(id)
    if (other !== undefined && other !== key) this.#say(`${id} is ${key}, and is ${other}`)
    known.id = id
    this.#names.set(id, key)
    return known
  }

  #receipt(key: string, id: string, isDuplicate: boolean): void {
    const known = this.#identify(key, id)
    if (!known.hasReceipt) this.#receipts++
    known.hasReceipt = true
    if (isDuplicate) this.#duplicates++
    else if (known.taken) this.#say(`${key} was taken twice`)
    else known.taken = true
  }

  #cancel(key: string, outcome: string): void {
    const known = this.#of(key)
    known.outcome = outcome
    if (outcome === 'cancelled') this.#cancelled++
    else if (outcome === 'unknown') this.#say(`${key} has a receipt, and is unknown to cancel`)
  }

  #update(key: string, outcome: string, priority: number, dueAt: number): void {
    const known = this.#of(key)
    known.isUnsure = false
    if (outcome === 'unknown') this.#say(`${key} has a receipt, and is unknown to update`)
    if (outcome !== 'updated') return
    this.#updated++
    known.priority = priority
    known.dueAt = dueAt
  }

  /** All that waited was purged, in a life without a consumer. What has a delay may not have been due. */
  purged(life: number): void {
    this.#purgedIn = life
    for (const [key, known] of this.#known)
      if (known.id !== '' && timesOf(Number(key.split(':')[1])).delayMs === undefined) known.purged = true
  }

  begin(life: number, key: string, id: string, attempt: number, failed: number): void {
    this.#begins++
    const known = this.#identify(key, id)
    if (known.confirmed !== undefined)
      this.#say(`${key} came again in life ${life} after its ${known.confirmed} was confirmed`)
    if (known.begunIn === life && known.isOut) this.#say(`${key} has two consumers in life ${life}`)
    if (known.ackedIn === life) this.#say(`${key} came again in life ${life}, in which it was acked`)
    if (known.outcome === 'cancelled') this.#say(`${key} came in life ${life} after it was cancelled`)
    if (known.purged) this.#say(`${key} came in life ${life} after it was purged`)
    // Heard later than it was said.
    const early = known.dueAt - Date.now()
    if (early > EARLY_MS) this.#say(`${key} came in life ${life}, ${early} ms before the time to which it was put off`)
    for (const problem of this.#keys.begin(life, key, Number(id.split('@')[1]))) this.#say(problem)
    this.#judgeAttempt(life, key, known, attempt)
    if (failed < known.failed || failed < known.failuresKept)
      this.#say(`${key} has ${failed} failures in life ${life}, and had ${Math.max(known.failed, known.failuresKept)}`)
    if (failed >= KILLED.queue.attempts || failed >= attempt)
      this.#say(`${key} was handed out for the ${attempt}th time after ${failed} failures`)
    Object.assign(known, { begunIn: life, attempt, failed, isOut: true })
  }

  /** The hand-outs before are counted exactly, and at most one for each death in which it may have been out and not begun. */
  #judgeAttempt(life: number, key: string, known: Known, attempt: number): void {
    const isFirst = known.begunIn === -1
    const deaths = isFirst ? life - known.sentIn : life - known.begunIn
    const least = known.attempt + 1
    const most = least + deaths - (known.isOut && deaths > 0 ? 1 : 0)
    if (attempt < least || attempt > most) {
      const wanted = least === most ? `${least}` : `${least} to ${most}`
      this.#say(`${key} has deliveryAttempt ${attempt} in life ${life}, and should have ${wanted}`)
    }
  }

  #end(life: number, key: string, how: string): void {
    const known = this.#of(key)
    if (known.begunIn !== life || !known.isOut) this.#say(`${key} was ended in life ${life}, and was not begun`)
    known.isOut = false
    this.#keys.end(key)
    if (how === 'ack') known.ackedIn = life
  }

  #confirm(key: string, how: string, failed: number): void {
    this.#confirms++
    const known = this.#of(key)
    if (how === 'ack' || how === 'reject') known.confirmed = how
    if (how === 'fail') known.failuresKept = Math.max(known.failuresKept, failed)
  }

  /**
   * What one consumer got, in the order in which it got it, while nothing was sent and it had room for all; each with the priority with which it
   * was sent. What was put off has a place that is not known.
   */
  judgeOrder(all: readonly { readonly key: string; readonly priority: number; readonly offset: number }[]): void {
    const got = all.flatMap(one => {
      const { isUnsure = false, dueAt = -1, priority = -1 } = this.#known.get(one.key) ?? {}
      return isUnsure || dueAt !== -1 ? [] : [priority === -1 ? one : { ...one, priority }]
    })
    for (let at = 1; at < got.length; at++) {
      const [before, now] = [got[at - 1], got[at]] as [(typeof got)[number], (typeof got)[number]]
      const isRight = before.priority > now.priority || (before.priority === now.priority && before.offset < now.offset)
      if (!isRight)
        this.#say(
          `${now.key} (priority ${now.priority}, offset ${now.offset}) came after ${before.key} (priority ${before.priority}, offset ${before.offset})`,
        )
    }
  }

  judgeSum(stats: QueueStats): void {
    const { accepted, ready, unacked, retrying, scheduled, acked, deadLettered, expired, dropped, purged, cancelled } =
      stats
    const ended = acked + deadLettered + expired + dropped + purged + cancelled
    if (accepted !== ready + unacked + retrying + scheduled + ended)
      this.#say(`the sum rule is broken: ${JSON.stringify(stats)}`)
  }

  /** While no process is at work but that which asks, and no message waits for its letter. */
  judgeStats(stats: QueueStats, letters: readonly KilledLetter[]): void {
    this.judgeSum(stats)
    const { accepted, acked, deadLettered, dropped } = stats
    const all = [...this.#known.values()]
    const between = (name: string, is: number, least: number, most: number): void => {
      if (is < least || is > most) this.#say(`${name} is ${is}, and should be ${least} to ${most}`)
    }
    between(
      'accepted',
      accepted,
      this.#receipts,
      [...this.#sent.values()].reduce((sum, sent) => sum + sent, 0),
    )
    const confirmed = all.filter(known => known.confirmed === 'ack').length
    between('acked', acked, confirmed, all.filter(({ ackedIn }) => ackedIn !== -1).length)
    between('deadLettered', deadLettered, letters.length, letters.length)
    between('dropped', dropped, 0, 0)
    between('cancelled', stats.cancelled, this.#cancelled, all.filter(({ toCancel }) => toCancel).length)
    this.#judgeLetters(letters)
  }

  #judgeLetters(letters: readonly KilledLetter[]): void {
    const seen = new Set<string>()
    for (const { key, reason, failedAttempts } of letters) {
      if (seen.has(key)) this.#say(`${key} has two dead letters`)
      seen.add(key)
      const known = this.#of(key)
      const conduct = conductOf(Number(key.split(':')[1]))
      if (known.confirmed === 'ack') this.#say(`${key} has a dead letter, and its ack was confirmed`)
      if (known.outcome === 'cancelled') this.#say(`${key} has a dead letter, and was cancelled`)
      if (reason === 'failed' && (conduct !== 'fail' || failedAttempts !== KILLED.queue.attempts))
        this.#say(`${key} (${conduct}) has a dead letter after ${failedAttempts} failures`)
      else if (reason === 'rejected' && conduct !== 'reject')
        this.#say(`${key} (${conduct}) has a dead letter: rejected`)
      else if (reason === 'crashed' && this.#life - known.sentIn < ACCUSED_AFTER)
        this.#say(`${key} has a dead letter as crashed after ${this.#life - known.sentIn} deaths`)
      else if (reason === 'expired' && timesOf(Number(key.split(':')[1])).ttlMs === undefined)
        this.#say(`${key} has a dead letter as expired, and no time to live`)
      else if (!['failed', 'rejected', 'crashed', 'expired'].includes(reason))
        this.#say(`${key} has a dead letter: ${reason}`)
    }
    for (const [key, { confirmed, toCancel }] of this.#known)
      if (confirmed === 'reject' && !toCancel && !seen.has(key))
        this.#say(`the rejection of ${key} was confirmed, and it has no dead letter`)
  }

  /** After the queue was emptied: each message with a receipt was acked, taken back, or has a dead letter. */
  judgeEnd({ ready, unacked, retrying, scheduled }: QueueStats, letters: readonly KilledLetter[]): void {
    const left = ready + unacked + retrying + scheduled
    if (left > 0) this.#say(`${left} messages are left in the empty queue`)
    const dead = new Set(letters.map(({ key }) => key))
    for (const [key, { hasReceipt, ackedIn, toCancel, purged, sentIn }] of this.#known) {
      const wasPurged = purged || sentIn < this.#purgedIn
      if (hasReceipt && ackedIn === -1 && !dead.has(key) && !toCancel && !wasPurged)
        this.#say(`${key} is lost: it has a receipt, and was never acked`)
    }
  }
}
