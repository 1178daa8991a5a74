/** Whoever opens what exists must want it as it is: what is compared, and what is said of a difference. The control thread. */

import type { GroupSpec, OwnerControlApi } from '../wire/control-calls.ts'
import type { TopicShape } from '../wire/places.ts'
import type { QueueSettings } from '../wire/queue-calls.ts'
import { MillraceError } from '../words/errors.ts'
import type { GroupEntry } from './catalog-entries.ts'

export type TopicSettings = Parameters<OwnerControlApi['openTopic']>[1]

/** What a topic keeps for ever. */
export const FIXED: readonly (keyof TopicSettings)[] = ['partitions', 'codec', 'maxMessageBytes', 'durability']
/** What it keeps as long as it is open. */
export const SETTLED: readonly (keyof TopicSettings)[] = [
  ...FIXED,
  'windowBytes',
  'onFull',
  'publishRate',
  'segmentBytes',
  'retentionMs',
  'retentionBytes',
]
/** The options that are named in `given` must be those of what exists. @throws MillraceError MILL_CONFIG_MISMATCH */
export function checkSame(
  what: string,
  { log, ...known }: TopicShape,
  options: TopicSettings,
  given: readonly string[],
  compared: typeof SETTLED,
): void {
  const has: Partial<Record<string, unknown>> = { ...known, ...log }
  for (const name of compared) {
    const [known, wanted] = [shown(has[name]), shown(options[name])]
    if (!given.includes(name) || known === wanted) continue
    throw new MillraceError(
      'MILL_CONFIG_MISMATCH',
      `${what} exists with ${name} ${known}, not ${wanted}; leave the option out, or use another name`,
    )
  }
}

function shown(option: unknown): string {
  if (option === undefined || option === null) return 'none'
  if (typeof option !== 'object') return String(option)
  return `{ ${Object.entries(option)
    .map(([name, value]) => `${name}: ${value}`)
    .join(', ')} }`
}

/** The same for a queue, whose group has some of its options. @throws MillraceError MILL_CONFIG_MISMATCH */
export function checkSameQueue(
  { name, codec, maxMessageBytes, durability, publishRate, queue }: TopicShape,
  known: Pick<GroupSpec, 'policy' | 'deadLetter'>,
  { shape, policy, deadLetter, ...settings }: QueueSettings,
  given: readonly string[],
): void {
  const has = { codec, maxMessageBytes, durability, ...queue, sendRate: publishRate }
  const wants = { ...settings, ...shape }
  const compared: readonly (readonly [string, unknown, unknown])[] = [
    ...Object.entries(has).map(([option, value]) => [option, value, wants[option as keyof typeof has]] as const),
    ['attempts', known.policy.attempts, policy.attempts],
    ['backoff', backoffOf(known), backoffOf({ policy })],
    ['deadLetter', known.deadLetter ?? false, deadLetter ?? false],
  ]
  for (const [option, has, wants] of compared) {
    if (!given.includes(option) || shown(has) === shown(wants)) continue
    throw new MillraceError(
      'MILL_CONFIG_MISMATCH',
      `queue ${name} exists with ${option} ${shown(has)}, not ${shown(wants)}; leave the option out, or use another name`,
    )
  }
}

function backoffOf({ policy: { initialMs, maxMs, jitter } }: Pick<GroupSpec, 'policy'>): string {
  return `{ initialMs: ${initialMs}, maxMs: ${maxMs}, jitter: ${jitter} }`
}

function deliveryOf({ policy: { atMostOnce } }: GroupSpec): string {
  return atMostOnce ? 'at-most-once' : 'at-least-once'
}

/** A group has the options of who joined it first. @throws MillraceError MILL_CONFIG_MISMATCH */
export function checkSamePolicy({ spec: known, joined }: GroupEntry, spec: GroupSpec): void {
  const fixed: readonly (readonly [string, unknown, unknown])[] = [
    ['attempts', known.policy.attempts, spec.policy.attempts],
    ['backoff', backoffOf(known), backoffOf(spec)],
    ['deadLetter', known.deadLetter, spec.deadLetter],
    ['delivery', deliveryOf(known), deliveryOf(spec)],
    ['retryOrder', known.policy.order, spec.policy.order],
    ['from', known.from, spec.from],
  ]
  // Of a group that was only named, all that is settled is where it starts; of one of before, where it is.
  for (const [name, has, wants] of joined === null ? [] : joined ? fixed : fixed.slice(-1)) {
    if (!spec.given.includes(name) || has === wants) continue
    throw new MillraceError(
      'MILL_CONFIG_MISMATCH',
      `group ${spec.group} exists with ${name} ${has ?? false}, not ${wants ?? false}; give the same options, or delete the group first`,
    )
  }
}
