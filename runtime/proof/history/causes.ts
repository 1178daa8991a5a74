/**
 * What each record can be charged with, as a checker goes through a history.
 *
 * Pure books; of the rules on failures. A failure has a cause that can be seen: the consumer said so, the delivery was overdue, or
 * the consumer's thread ended while it had the record in hand.
 */
import { type History, type HistoryEvent, type Place, placeOf } from './history.ts'

function handOutOf(event: Place & { readonly deliveryAttempt: number }): string {
  return `${placeOf(event)} ${event.deliveryAttempt}`
}

/**
 * Failures that each record can be charged with, so far.
 *
 * A thread may end when it has begun a message of a queue, and before its handler could say so. The queue cannot tell that from a handler
 * that was called, and charges the message. Nobody has seen that hand-out, but the next one has a higher number for it. So each end
 * of a consumer that was not seen with anything in hand explains one failure, of a message with a hand-out that nobody has seen.
 */
export class Causes {
  readonly #open = new Map<string, Map<string, string>>()
  /** By consumer, what it has handled last; of one with several records in hand, of each key: what that puts out is put into bytes later. */
  readonly #last = new Map<string, Map<string | null, string>>()
  readonly #ordered: ReadonlySet<string>
  readonly #keys = new Map<string, string | null>()
  readonly #ended = new Set<string>()
  readonly #count = new Map<string, number>()
  /** By queue, whether its consumers have one message in hand at a time. */
  readonly #queues: ReadonlyMap<string, boolean>
  readonly #queueOf = new Map<string, string>()
  /** By queue, ends of its consumers by which a hand-out may have gone unseen. */
  readonly #unseenEnds = new Map<string, number>()
  /** By record, the numbers of the hand-outs that were seen, and how many failures others explain. */
  readonly #seen = new Map<string, Set<number>>()
  readonly #explained = new Map<string, number>()

  constructor({ groups, queues = [] }: History) {
    this.#queues = new Map(queues.map(({ queue, oneAtATime }) => [queue, oneAtATime]))
    const ordered = groups.filter(({ ordered }) => ordered)
    this.#ordered = new Set(ordered.map(({ group, topic }) => `${group} of ${topic}`))
  }

  #add(name: string): void {
    this.#count.set(name, (this.#count.get(name) ?? 0) + 1)
  }

  hear(event: HistoryEvent): void {
    switch (event.kind) {
      case 'began':
        if (this.#queues.has(event.topic)) this.#queueOf.set(event.consumer, event.topic)
        break
      case 'delivered': {
        if (this.#queues.has(event.topic)) this.#sees(event)
        const open = this.#open.get(event.consumer) ?? new Map<string, string>()
        // A thread that was told to end and goes on may be charged with whatever it has in hand when it is fenced.
        if (this.#ended.has(event.consumer)) this.#add(`${event.group} ${placeOf(event)}`)
        open.set(handOutOf(event), `${event.group} ${placeOf(event)}`)
        this.#open.set(event.consumer, open)
        if (this.#ordered.has(`${event.group} of ${event.topic}`)) this.#last.delete(event.consumer)
        else this.#last.get(event.consumer)?.delete(event.key)
        this.#keys.set(placeOf(event), event.key)
        break
      }
      case 'settled':
        this.#open.get(event.consumer)?.delete(handOutOf(event))
        // Its thread may end before anybody has heard of it.
        if (event.how === 'handled') {
          const last = this.#last.get(event.consumer) ?? new Map<string | null, string>()
          last.set(this.#keys.get(placeOf(event)) ?? null, `${event.group} ${placeOf(event)}`)
          this.#last.set(event.consumer, last)
        }
        if (event.mayFail === true || (event.how !== 'handled' && event.how !== 'released'))
          this.#add(`${event.group} ${placeOf(event)}`)
        break
      case 'overdue':
        this.#open.get(event.consumer)?.delete(handOutOf(event))
        this.#add(`${event.group} ${placeOf(event)}`)
        break
      case 'ended':
        this.#mayHaveBegun(event)
        this.#ended.add(event.consumer)
        for (const name of this.#open.get(event.consumer)?.values() ?? []) {
          const { executing } = event
          if (executing === undefined || name === `${executing.group} ${placeOf(executing)}`) this.#add(name)
        }
        this.#open.delete(event.consumer)
        for (const place of event.unsaid ?? []) this.#add(`${place.group} ${placeOf(place)}`)
        if (event.executing === undefined)
          for (const name of this.#last.get(event.consumer)?.values() ?? []) this.#add(name)
        this.#last.delete(event.consumer)
        break
      default:
    }
  }

  #sees(event: Extract<HistoryEvent, { kind: 'delivered' }>): void {
    const place = placeOf(event)
    this.#seen.set(place, (this.#seen.get(place) ?? new Set()).add(event.deliveryAttempt))
  }

  #mayHaveBegun({ consumer, executing }: Extract<HistoryEvent, { kind: 'ended' }>): void {
    const queue = this.#queueOf.get(consumer)
    if (queue === undefined || this.#ended.has(consumer) || executing !== undefined) return
    const inHand = this.#open.get(consumer)?.size ?? 0
    if (inHand > 0 && this.#queues.get(queue) === true) return
    this.#unseenEnds.set(queue, (this.#unseenEnds.get(queue) ?? 0) + 1)
  }

  /**
   * Whether hand-outs that nobody has seen explain so many failures more of a message; they do so once. `handOuts`: how many hand-outs are
   * over; Infinity: nobody says.
   */
  explains(group: string, source: Place, failures: number, handOuts: number): boolean {
    const place = placeOf(source)
    const seen = [...(this.#seen.get(place) ?? [])].filter(attempt => attempt <= handOuts).length
    const explained = this.#explained.get(place) ?? 0
    const ends = this.#unseenEnds.get(source.topic) ?? 0
    if (failures > ends || failures > handOuts - seen - explained) return false
    this.#unseenEnds.set(source.topic, ends - failures)
    this.#explained.set(place, explained + failures)
    for (let left = failures; left > 0; left--) this.#add(`${group} ${place}`)
    return true
  }

  of(group: string, place: string): number {
    return this.#count.get(`${group} ${place}`) ?? 0
  }

  /** How often each record can be charged, by group and place. */
  get all(): ReadonlyMap<string, number> {
    return this.#count
  }
}
