/**
 * What there is to be visited: each kind of state that a message, a consumer or the room of a queue can be in, by each
 * kind of input. Counted as the driver goes (queue-driver.fixture.ts), before the input is given.
 */
import type { OracleConsumer, OracleMessage } from './oracle-message.fixture.ts'
import { canExpire, isOver } from './oracle-times.fixture.ts'
import type { QueueOracle } from './queue-oracle.fixture.ts'
import type { Admission } from './queue-words.ts'

/** How often each state met each input. */
export class Visits {
  readonly #byInput = new Map<string, Map<string, number>>()

  add(state: string, input: string): void {
    let states = this.#byInput.get(input)
    if (states === undefined) {
      states = new Map()
      this.#byInput.set(input, states)
    }
    states.set(state, (states.get(state) ?? 0) + 1)
  }

  of(state: string, input: string): number {
    return this.#byInput.get(input)?.get(state) ?? 0
  }

  pairs(): Pair[] {
    return [...this.#byInput].flatMap(([input, states]) => [...states.keys()].map((state): Pair => [state, input]))
  }
}

/** A state, and an input that meets it. */
export type Pair = readonly [state: string, input: string]

const MESSAGE_STATES = [
  'unknown',
  'scheduled',
  'due',
  'expired',
  'fresh',
  'returned',
  'behind its key',
  'suspect',
  'out',
  'begun',
  'suspect out',
  'suspect begun',
  'cancelled',
  'retrying',
  'dying',
  'letter sent',
  'settled',
] as const
export type MessageState = (typeof MESSAGE_STATES)[number]

/** Directed at one message, in whatever state it is: a settlement names its last hand-out. */
export const MESSAGE_INPUTS = [
  'begun',
  'renew',
  'ack',
  'ack a run',
  'nack',
  'nack with a delay',
  'reject',
  'decode',
  'release',
  'take back',
  'fail a batch of one',
  'fail a batch',
  'cancel',
  'cancel what is out',
  'update its priority',
  'update its delay',
  'update its time to live',
  'explain',
] as const
export type MessageInput = (typeof MESSAGE_INPUTS)[number]
export type UpdateInput = Extract<MessageInput, `update ${string}`>

export function isUpdate(input: MessageInput): input is UpdateInput {
  return input.startsWith('update ')
}

/** Directed at the queue, and met by each of its messages. */
const QUEUE_INPUTS = [
  'admit',
  'append',
  'withdraw',
  'take',
  'take a run',
  'time out',
  'due',
  'expire',
  'next letter',
  'letters written',
  'letters refused',
  'purge',
  'rebuild',
  'attach',
  'credit',
] as const
export type QueueInput = (typeof QUEUE_INPUTS)[number]

/** Directed at a consumer, and met by what it holds. */
const END_INPUTS = ['detach', 'die, one known', 'die, none known', 'die with the process'] as const
export type EndInput = (typeof END_INPUTS)[number]
const HELD_STATES = ['out', 'begun', 'suspect out', 'suspect begun', 'cancelled'] as const

const CONSUMER_STATES = ['none', 'room', 'full', 'full of bytes', 'alone', 'paused', 'inactive'] as const
type ConsumerState = (typeof CONSUMER_STATES)[number]
const CONSUMER_INPUTS = ['attach', 'credit', ...END_INPUTS] as const
export type ConsumerInput = 'attach' | 'credit' | EndInput

/** How an append may end, by what the queue does when it is full. */
const ADMISSIONS: readonly Pair[] = [
  ['wait', 'admitted: all'],
  ['wait', 'admitted: full'],
  ['wait', 'admitted: tooLarge'],
  ['reject', 'admitted: all'],
  ['reject', 'admitted: full'],
  ['reject', 'admitted: tooLarge'],
  ['dropHead', 'admitted: all'],
  ['dropHead', 'admitted: all, dropped'],
  ['dropHead', 'admitted: all, partly dropped'],
  ['dropHead', 'admitted: all, not dropped'],
  ['dropHead', 'admitted: full'],
  ['dropHead', 'admitted: full, dropped'],
  ['dropHead', 'admitted: full, partly dropped'],
  ['dropHead', 'admitted: full, not dropped'],
  ['dropHead', 'admitted: letters'],
  ['dropHead', 'admitted: tooLarge'],
  ['dropHead', 'admitted: tooLarge, dropped'],
  ['dropHead', 'admitted: tooLarge, partly dropped'],
  ['dropHead', 'admitted: tooLarge, not dropped'],
]

/** All pairs that can be. */
export function allPairs(): Pair[] {
  const pairs: Pair[] = [...ADMISSIONS]
  for (const state of MESSAGE_STATES)
    for (const input of [...MESSAGE_INPUTS, ...(state === 'unknown' ? [] : QUEUE_INPUTS)]) pairs.push([state, input])
  for (const state of HELD_STATES) for (const input of END_INPUTS) pairs.push([state, input])
  for (const state of CONSUMER_STATES) for (const input of CONSUMER_INPUTS) pairs.push([`consumer ${state}`, input])
  return pairs
}

export function stateOf(oracle: QueueOracle, message: OracleMessage): MessageState {
  const { state, suspect, begun, handOuts, turn, keyTurn, cancelled } = message
  if (canExpire(message) && isOver(message, oracle.nowMs)) return 'expired'
  if (state === 'ready' && keyTurn === 0) return 'behind its key'
  if (state === 'ready') return suspect ? 'suspect' : handOuts > 0 ? 'returned' : turn === 0 ? 'fresh' : 'due'
  if (state === 'unacked' && cancelled) return 'cancelled'
  if (state === 'unacked') return begun ? (suspect ? 'suspect begun' : 'begun') : suspect ? 'suspect out' : 'out'
  if (state === 'dying') return oracle.dying.indexOf(message) < oracle.sent ? 'letter sent' : 'dying'
  return state
}

export function stateAt(oracle: QueueOracle, offset: number): MessageState {
  const message = oracle.messages.find(each => each.offset === offset)
  if (message !== undefined) return stateOf(oracle, message)
  return oracle.settled.has(offset) ? 'settled' : 'unknown'
}

export function consumerStateOf(oracle: QueueOracle, consumer: OracleConsumer | undefined): ConsumerState {
  if (consumer === undefined) return 'none'
  const held = oracle.heldBy(consumer.number)
  if (held.some(({ suspect }) => suspect)) return 'alone'
  if (consumer.prefetch === 0) return 'paused'
  if (!oracle.isServed(consumer)) return 'inactive'
  if (oracle.hasRoom(consumer)) return 'room'
  return held.length >= consumer.prefetch ? 'full' : 'full of bytes'
}

export function admissionOf({ refused, dropped }: Admission, gone: number): string {
  const said = `admitted: ${refused ?? 'all'}`
  if (dropped.length === 0) return said
  return `${said}, ${gone === dropped.length ? '' : gone > 0 ? 'partly ' : 'not '}dropped`
}
