/**
 * What publishes to several targets of a host wait for too long: says so once, and gives up what is past its deadline, with what holds it.
 *
 * The producer's thread. The host says in the frames which partition has no room for them. Of what is in no frame that is known since it was
 * tried. What is behind the oldest of a host waits for the same. Bound: an entry for each topic that holds some.
 */
import { STALLED_MS } from '../base/clock.ts'
import type { JointHolder, JointPublish } from './joint-publish.ts'
import type { JointWriter } from './joint-writer.ts'
import { Overdue } from './overdue.ts'
import type { HoldUpcalls } from './producer-upcalls.ts'

const NO_FLUSH = { sinceMs: Number.POSITIVE_INFINITY }

export class JointHolds {
  readonly #upcalls: HoldUpcalls
  readonly #gaveUp: () => void
  readonly #byTopic = new Map<number, Overdue>()
  /** Of those that wait, as of the last look. */
  #holders = new Map<JointPublish, JointHolder>()

  /** `gaveUp`: called where some were. */
  constructor(upcalls: HoldUpcalls, gaveUp: () => void) {
    this.#upcalls = upcalls
    this.#gaveUp = gaveUp
  }

  /** Looks at all that is not answered, in the order of the calls. */
  sweep(publishes: Iterable<JointPublish>, now: number): void {
    const fronts = new Map<JointWriter, JointHolder | null>()
    const held = new Map<number, JointPublish[]>()
    const late = new Map<JointWriter, JointPublish[]>()
    this.#holders = new Map()
    for (const publish of publishes) {
      const { writer, deadline, roomSince } = publish
      const isInTime = now < deadline && now - roomSince < STALLED_MS
      const isFront = !fronts.has(writer)
      // There may be many, and most of them are answered soon.
      if (isInTime && !isFront) continue
      const holder = publish.holder ?? fronts.get(writer) ?? null
      if (isFront) fronts.set(writer, holder)
      if (isInTime) continue
      if (holder !== null) {
        this.#holders.set(publish, holder)
        addTo(held, holder.topic, publish)
      } else if (now >= deadline) addTo(late, writer, publish)
    }
    for (const topic of this.#byTopic.keys()) if (!held.has(topic)) this.#byTopic.delete(topic)
    for (const [topic, waiting] of held) this.#overdueIn(topic, waiting).sweep(waiting, now, NO_FLUSH)
    for (const [writer, some] of late)
      writer.drain(() => {
        for (const publish of some) if (!publish.done) publish.expire()
      })
  }

  #overdueIn(topic: number, [first]: readonly JointPublish[]): Overdue {
    let overdue = this.#byTopic.get(topic)
    if (overdue === undefined) {
      const { writer } = first as JointPublish
      const partitionOf = (waiter: unknown): number => this.#holders.get(waiter as JointPublish)?.partition ?? 0
      const drain = (then: () => void): void => writer.drain(then)
      overdue = new Overdue(topic, this.#upcalls, partitionOf, drain, this.#gaveUp, '')
      this.#byTopic.set(topic, overdue)
    }
    return overdue
  }
}

function addTo<K>(lists: Map<K, JointPublish[]>, key: K, publish: JointPublish): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [publish])
  else list.push(publish)
}
