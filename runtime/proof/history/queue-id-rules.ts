/**
 * Ids: of several messages of one id one is taken, for as long as its queue knows the id, and all senders hear of that one.
 *
 * Pure functions over a history. A queue knows an id from a moment between the send of its first message and the answer. It begins anew
 * without any when it was deleted, when it is in memory and its process has ended, and at `os` after a loss of power, which may have taken the
 * messages as well.
 */
import { type Checker, type HistoryEvent, Problems } from './history.ts'

/** Clocks that are set between two processes are set by less than this. */
const CLOCK_STEPS_MS = 100 * 3_600_000
/** A host that dies may leave an id that counts from when its successor has found it. */
const FOUND_LATE_MS = 5_000

type Sent = Extract<HistoryEvent, { kind: 'sent' }>

interface Taken {
  readonly messageId: string
  readonly sentMs: number
  readonly answeredMs: number
  readonly offset: number | undefined
  readonly epoch: number
  readonly life: number
}

export const ofEachIdOneIsTaken: Checker = ({ events, queues = [], stored }) => {
  const problems = new Problems('ids')
  const known = new Map(queues.flatMap(({ queue, dedupeMs = 0 }) => (dedupeMs > 0 ? [[queue, dedupeMs] as const] : [])))
  const epochs = new Map<string, number>()
  let life = 0
  /** By message. */
  const sent = new Map<string, { readonly event: Sent; readonly epoch: number; readonly life: number }>()
  /** By queue and id. */
  const taken = new Map<string, Taken[]>()
  /** By queue and epoch: whose id the message at an offset has. */
  const places = new Map<string, string>()
  for (const event of events) {
    if (event.kind === 'died') {
      life++
      for (const queue of known.keys()) {
        const durability = stored?.get(queue)?.durability ?? 'memory'
        if (durability === 'memory' || (durability === 'os' && event.how === 'power')) bump(epochs, queue)
      }
    }
    if (event.kind === 'deleted') bump(epochs, event.topic)
    if (event.kind === 'sent' && known.has(event.topic))
      sent.set(event.id, { event, epoch: epochs.get(event.topic) ?? 0, life })
    if (event.kind !== 'answered' || event.outcome === 'info') continue
    const asked = sent.get(event.id)
    const epoch = epochs.get(event.topic) ?? 0
    if (asked === undefined || asked.epoch !== epoch) continue
    const { messageId, atMs: sentMs = 0 } = asked.event
    const { offset, duplicateOf, atMs: answeredMs = 0 } = event
    const keepMs = known.get(event.topic) as number
    const placeOf = (at: number): string => `${event.topic}/${epoch}@${at}`
    if (event.outcome === 'ok' && offset !== undefined) places.set(placeOf(offset), messageId ?? `none, of ${event.id}`)
    if (messageId === undefined) {
      if (duplicateOf !== undefined) problems.say(`${event.id} has no id, and was not taken because of ${duplicateOf}`)
      continue
    }
    if (event.outcome === 'fail' && duplicateOf === undefined) continue
    const idKey = `${event.topic} ${messageId}`
    const before = (taken.get(idKey) ?? []).filter(each => each.epoch === epoch)
    const now: Taken = { messageId, sentMs, answeredMs, offset: offset ?? duplicateOf, epoch, life: asked.life }
    for (const other of before) {
      if (other.offset === now.offset && now.offset !== undefined) continue
      const apartMs = Math.max(now.answeredMs - other.sentMs, other.answeredMs - now.sentMs)
      const isSure = other.life === now.life || keepMs > CLOCK_STEPS_MS
      if (isSure && apartMs < keepMs && (event.outcome === 'ok' || other.offset !== undefined))
        problems.say(
          `${event.id} of id ${messageId} is at ${now.offset}, and ${Math.round(apartMs)} ms before one of ${event.topic} was at ${other.offset}`,
        )
    }
    if (event.outcome === 'ok') {
      taken.set(idKey, [...before, now])
      continue
    }
    const whose = places.get(placeOf(duplicateOf as number))
    if (whose !== undefined && whose !== messageId)
      problems.say(`${event.id} of id ${messageId} was not taken because of ${duplicateOf}, which has the id ${whose}`)
    const first = before.find(each => each.offset === duplicateOf)
    if (first !== undefined && first.life === asked.life && sentMs - first.answeredMs > keepMs + FOUND_LATE_MS)
      problems.say(
        `${event.id} of id ${messageId} was not taken ${Math.round(sentMs - first.answeredMs)} ms after the first, which counts for ${keepMs}`,
      )
  }
  return problems.done()
}

function bump(epochs: Map<string, number>, queue: string): void {
  epochs.set(queue, (epochs.get(queue) ?? 0) + 1)
}

export const QUEUE_ID_RULES: readonly Checker[] = [ofEachIdOneIsTaken]
