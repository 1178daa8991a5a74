/** Events of short histories, to be put together by the tests of the rules: a topic `in0`, records `a` and `b`, a group `g`. */
import type { EventOf, FuzzEvent } from './events.ts'
import { numberOf } from './jobs.ts'
import type { MemberKind, Style } from './plan.ts'

export const TOPIC: FuzzEvent = { e: 'topic', topic: 'in0', partitions: 1, durability: 'os' }
export const LIFE: FuzzEvent = { e: 'life', life: 0, dir: true }
export const CLOSED: FuzzEvent = { e: 'closed', life: 0, clean: true }
export const END: FuzzEvent = { e: 'end' }

export function sent(id: string, more: Partial<EventOf<'sent'>> = {}): FuzzEvent {
  return {
    e: 'sent',
    call: 1,
    source: 'main',
    topic: 'in0',
    id,
    key: 'k',
    partition: null,
    digest: `of ${id}`,
    fate: 'ok',
    ...more,
  }
}

export function acked(id: string, offset: number): FuzzEvent {
  return { e: 'acked', id, topic: 'in0', partition: 0, offset, durability: 'os' }
}

export function read(id: string, offset: number, more: Partial<EventOf<'read'>> = {}): FuzzEvent {
  const digest = `of ${id}`
  return {
    e: 'read',
    via: 'replay',
    topic: 'in0',
    partition: 0,
    offset,
    id,
    digest,
    key: 'k',
    replayed: false,
    ...more,
  }
}

export function group(style: Style = 'plain', more: Partial<EventOf<'group'>> = {}): FuzzEvent {
  return { e: 'group', group: 'g', topic: 'in0', style, order: 'partition', attempts: 2, output: null, ...more }
}

export function joined(member = 'm', kind: MemberKind = 'handle'): FuzzEvent {
  return { e: 'joined', group: 'g', member, kind }
}

export function hand(id: string, offset: number, more: Partial<EventOf<'hand'>> = {}): FuzzEvent {
  const digest = `of ${id}`
  return {
    e: 'hand',
    group: 'g',
    member: 'm',
    partition: 0,
    offset,
    id,
    digest,
    attempt: 1,
    failed: 0,
    lost: false,
    ...more,
  }
}

export function done(offset: number, more: Partial<EventOf<'done'>> = {}): FuzzEvent {
  return { e: 'done', group: 'g', member: 'm', partition: 0, offset, how: 'ok', ...more }
}

export function letter(id: string, offset: number, more: Partial<EventOf<'letter'>> = {}): FuzzEvent {
  const digest = `of ${id}`
  const place = { topic: 'in0', partition: 0, offset }
  return {
    e: 'letter',
    group: 'g',
    id,
    digest,
    reason: 'rejected',
    failed: 1,
    letter: 'g.letters/0/0',
    ...place,
    ...more,
  }
}

export function state(
  at: 'started' | 'restored' | 'ended',
  ids: readonly string[],
  next: number,
  member = 'm',
): FuzzEvent {
  const sum = ids.reduce((before, id) => before + numberOf(id), 0)
  return { e: 'state', at, group: 'g', member, partition: 0, n: ids.length, sum, next }
}

export const stopping = (member = 'm'): FuzzEvent => ({ e: 'stopping', group: 'g', member })
export const stopped = (member = 'm', clean = true): FuzzEvent => ({ e: 'stopped', group: 'g', member, clean })
export const committed = (...offsets: readonly number[]): FuzzEvent => ({
  e: 'committed',
  group: 'g',
  committed: offsets,
})
export const drained = (passedOver = 0): FuzzEvent => ({ e: 'drained', group: 'g', passedOver })
export const killed: FuzzEvent = { e: 'killed', life: 0 }
export const next: FuzzEvent = { e: 'life', life: 1, dir: true }
export const answer = (id: string, is: EventOf<'answer'>['is']): FuzzEvent => ({ e: 'answer', id, is })
export const BOTH: readonly FuzzEvent[] = [sent('a'), acked('a', 0), sent('b'), acked('b', 1)]
export const READ: readonly FuzzEvent[] = [read('a', 0), read('b', 1)]
export const HANDLED: readonly FuzzEvent[] = [hand('a', 0), done(0), hand('b', 1), done(1)]
export const BEGUN: readonly FuzzEvent[] = [LIFE, TOPIC, group(), joined(), ...BOTH]
