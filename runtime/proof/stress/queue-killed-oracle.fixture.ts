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
import { conductOf, idOf, KILLED, keyOf, timesOf } from './queue-killed.fixture.ts'
import { KilledIds } from './queue-killed-ids.fixture.ts'
import { KilledKeys } from './queue-killed-keys.fixture.ts'

const PROBLEMS_MAX = 20
/** Deaths before a message is dead-lettered as crashed: two beside others, and two alone. */
const ACCUSED_AFTER = 4

export interface KilledLetter {
  readonly key: string
  readonly reason: string
  readonly failedAttempts: number
}

interface Known {
  readonly sentIn: number
  readonly sequence: number
  id: string
  /** Its number in the queue. */
  offset: number
  /** The last life that began it, with its counters, and whether it is with a consumer. */
  begunIn: number
  attempt: number
  failed: number
  isOut: boolean
  /** The last life in which it was about to be acked. */
  ackedIn: number
  confirmed: 'ack' | 'reject' | undefined
  /** Failures that are confirmed. */
  failuresKept: number
}

export class QueueKillOracle {
  readonly problems: string[] = []
  #life = 0
  #receipts = 0
  #begins = 0
  #confirms = 0
  readonly #sent = new Map<number, number>()
  readonly #known = new Map<string, Known>()
  readonly #keys = new KilledKeys(problem => this.#say(problem))
  readonly #ids = new KilledIds(problem => this.#say(problem))
  /** By life: messages below that number may have been taken back by a purge; and how many are known to have been. */
  readonly #purged = new Map<number, number>()
  #purgedKnown = 0

  get receipts(): number {
    return this.#receipts
  }

  get begins(): number {
    return this.#begins
  }

  get confirms(): number {
    return this.#confirms
  }

  /** Messages that were not taken, because the queue had their id. */
  get duplicates(): number {
    return this.#ids.refused
  }

  get takenBack(): number {
    return this.#ids.cancels.taken
  }

  get purged(): number {
    return this.#purgedKnown
  }

  hear(life: number, line: string): void {
    this.#life = life
    const [word, first = '', second = '', third = '', fourth = '', fifth = ''] = line.split(' ')
    if (word === 's') this.#sent.set(life, Number(first))
    else if (word === 'a') this.#receipt(keyOf({ life, sequence: Number(first) }), second, Number(third), fourth)
    else if (word === 'b') this.#begin(life, first, second, Number(third), Number(fourth), Number(fifth))
    else if (word === 'e') this.#end(life, first, second)
    else if (word === 'c') this.#confirm(first, second, Number(third))
    else if (word === 't') this.#untimely(first, Number(second))
    else if (word === 'x') this.#takeBack(first)
    else if (word === 'y' && second === 'true') this.#takenBack(life, first)
    else if (word === 'p') this.#purge()
    else if (word === 'q') this.#purgedKnown += Number(first)
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
        sequence,
        id: '',
        offset: -1,
        begunIn: -1,
        attempt: 0,
        failed: 0,
        isOut: false,
        ackedIn: -1,
        confirmed: undefined,
        failuresKept: 0,
      }
      this.#known.set(key, known)
    }
    return known
  }

  #identify(key: string, id: string, offset: number): Known {
    const known = this.#of(key)
    if (known.id !== '' && known.id !== id) this.#say(`${key} is ${id}, and was ${known.id}`)
    const wanted = idOf({ life: known.sentIn, sequence: known.sequence })
    if (wanted !== undefined && wanted !== id) this.#say(`${key} is ${id}, and was sent as ${wanted}`)
    this.#ids.see(key, id, offset)
    return Object.assign(known, { id, offset })
  }

  #receipt(key: string, id: string, offset: number, duplicate: string): void {
    this.#receipts++
    if (duplicate === 'true') this.#ids.refuse(key, id, offset)
    else {
      this.#identify(key, id, offset)
      this.#ids.receipt(key, id, offset)
    }
  }

  #untimely(key: string, ms: number): void {
    this.#say(ms < 0 ? `${key} came ${-ms} ms before it was due` : `${key} came ${ms} ms after its time was over`)
  }

  #takeBack(id: string): void {
    this.#ids.askBack(id)
    const key = this.#ids.keyOf(id)
    // It may wait for its retry, and has its key then.
    if (key !== undefined && !this.#of(key).isOut) this.#keys.leave(key)
  }

  #takenBack(life: number, id: string): void {
    this.#ids.takeBack(life, id)
    const key = this.#ids.keyOf(id)
    const known = key === undefined ? undefined : this.#of(key)
    if (known?.begunIn === life && known.isOut) this.#say(`${key} was taken back in life ${life}, and had begun`)
  }

  #purge(): void {
    for (const [life, sent] of this.#sent) this.#purged.set(life, sent)
    this.#keys.leaveAll()
  }

  #begin(life: number, key: string, id: string, offset: number, attempt: number, failed: number): void {
    this.#begins++
    const known = this.#identify(key, id, offset)
    this.#ids.begin(life, key, id)
    this.#keys.begin(life, key, offset, timesOf(known.sequence).delayMs !== undefined)
    if (known.confirmed !== undefined)
      this.#say(`${key} came again in life ${life} after its ${known.confirmed} was confirmed`)
    if (known.begunIn === life && known.isOut) this.#say(`${key} has two consumers in life ${life}`)
    if (known.ackedIn === life) this.#say(`${key} came again in life ${life}, in which it was acked`)
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
    if (how === 'ack') known.ackedIn = life
    if (how !== 'fail' || this.#mayDie(known)) this.#keys.leave(key)
  }

  /** One that fails keeps its key until its retry, unless it ends before. */
  #mayDie({ id, failed, sequence, sentIn }: Known): boolean {
    if (failed + 1 === KILLED.queue.attempts || timesOf(sequence).ttlMs !== undefined) return true
    return this.#ids.isAsked(id) || sequence < (this.#purged.get(sentIn) ?? 0)
  }

  #confirm(key: string, how: string, failed: number): void {
    this.#confirms++
    const known = this.#of(key)
    if (how === 'ack' || how === 'reject') {
      known.confirmed = how
      this.#keys.confirm(key, known.offset, timesOf(known.sequence).delayMs !== undefined)
    }
    if (how === 'fail') known.failuresKept = Math.max(known.failuresKept, failed)
  }

  /** What one consumer got, in the order in which it got it, while nothing was sent and it had room for all. */
  judgeOrder(got: readonly { readonly key: string; readonly priority: number; readonly offset: number }[]): void {
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
    const { accepted, ready, unacked, retrying, scheduled, acked, deadLettered, expired, dropped } = stats
    const gone = acked + deadLettered + expired + dropped + stats.purged + stats.cancelled
    if (accepted !== ready + unacked + retrying + scheduled + gone)
      this.#say(`the sum rule is broken: ${JSON.stringify(stats)}`)
  }

  /** While no process is at work but that which asks, and no message waits for its letter. */
  judgeStats(stats: QueueStats, letters: readonly KilledLetter[]): void {
    this.judgeSum(stats)
    const { accepted, acked, deadLettered, dropped, cancelled, purged, duplicates } = stats
    const all = [...this.#known.values()]
    const between = (name: string, is: number, least: number, most: number): void => {
      if (is < least || is > most) this.#say(`${name} is ${is}, and should be ${least} to ${most}`)
    }
    const sent = [...this.#sent.values()].reduce((sum, each) => sum + each, 0)
    const { refused, receipts, cancels } = this.#ids
    between('accepted', accepted, receipts.size, sent - refused)
    between('duplicates', duplicates, 0, sent - receipts.size)
    between('cancelled', cancelled, cancels.taken, cancels.asked)
    between('purged', purged, this.#purgedKnown, this.#purged.size === 0 ? 0 : accepted)
    const confirmed = all.filter(known => known.confirmed === 'ack').length
    between('acked', acked, confirmed, all.filter(({ ackedIn }) => ackedIn !== -1).length)
    between('deadLettered', deadLettered, letters.length, letters.length)
    between('dropped', dropped, 0, 0)
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
      if (this.#ids.isTaken(known.id)) this.#say(`${key} has a dead letter, and was taken back`)
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
    for (const [key, { confirmed }] of this.#known)
      if (confirmed === 'reject' && !seen.has(key))
        this.#say(`the rejection of ${key} was confirmed, and it has no dead letter`)
  }

  /** After the queue was emptied: each message that the queue has said to have was acked, has a dead letter, or was taken back. */
  judgeEnd({ ready, unacked, retrying, scheduled, purged }: QueueStats, letters: readonly KilledLetter[]): void {
    const left = ready + unacked + retrying + scheduled
    if (left > 0) this.#say(`${left} messages are left in the empty queue`)
    const ended = new Set<string>()
    for (const { key } of letters) {
      ended.add(key)
      // A message of which nothing else is known.
      const [life = -1, sequence = -1] = key.split(':').map(Number)
      ended.add(idOf({ life, sequence }) ?? key)
    }
    const lost: string[] = []
    let mayBePurged = 0
    for (const id of this.#ids.receipts) {
      const key = this.#ids.keyOf(id)
      const known = key === undefined ? undefined : this.#known.get(key)
      if (ended.has(id) || this.#ids.isAsked(id) || (key !== undefined && ended.has(key))) continue
      if (known !== undefined && known.ackedIn !== -1) continue
      if (known === undefined || known.sequence < (this.#purged.get(known.sentIn) ?? 0)) mayBePurged++
      else lost.push(key ?? id)
    }
    for (const key of lost) this.#say(`${key} is lost: it has a receipt, and was never acked`)
    if (mayBePurged > purged) this.#say(`${mayBePurged} messages are lost, of which ${purged} were purged`)
  }
}
