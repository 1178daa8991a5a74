/**
 * Events of a broker: to its listeners, or as one rate-limited line to the logger where an event has no listener.
 *
 * The thread that created the broker. An event is never a record: an event without a listener loses nothing. A listener
 * is called in the async context of its `on`.
 */
import { nowMs } from '../../actors/world.ts'
import { closest } from '../base/closest.ts'
import { LINE_CHARS_MAX, printableLine } from '../base/printable.ts'
import { UserContext } from '../base/user-context.ts'
import type { BrokerEvents } from '../words/broker-events.ts'
import type { Logger } from '../words/common-options.ts'
import { MillraceError } from '../words/errors.ts'
import { show } from '../words/names.ts'
import { LineLog } from './line-log.ts'

/** Least time between two lines of one kind. The next line counts the omitted ones. */
const LINE_EVERY_MS = 5_000
/** Foreign text must not displace the number of omitted lines. */
const SAID_CHARS_MAX = LINE_CHARS_MAX - 100
/** Number of groups whose lines are counted separately; lines of further groups are counted together. */
const GROUPS_MAX = 1_024
/** Length of the repeated line, when omitted lines are counted at the end. */
const REPEATED_CHARS_MAX = 300
/** Frames of an error's stack in a line. */
const FRAMES_MAX = 3
/**
 * Frames of the broker's own that call user code. From the first of them on, the stack is the broker's, where it was
 * not loaded from a bundle.
 */
const CALLERS = /\b(delivery\/(load-handler|executor|lane-executor|attempt)|actors\/control-port)\.[jt]s:/
/**
 * Root of the broker's own files, and the form of their names below it. A bundle that lacks these files (whole.ts) has
 * no such root.
 */
const OUR_ROOT = String(import.meta.url).replace(/runtime\/events\/events\.[jt]s$/, '')
const OUR_FILE = /^(?:[\w-]+\/)*[\w-]+(?:\.bundle)?\.[jt]s:/
/** Frames of Node, and of the packages that carry the broker's calls. */
const CARRIERS = /[ (]node:|\/node_modules\/(?:comlink|piscina)\//
const EVENTS = [
  'stalled',
  'restarted',
  'passedOver',
  'deadLettered',
  'dropped',
  'attemptFailed',
  'windowFull',
  'deadLetterDepth',
  'parked',
  'recovered',
  'failed',
  'publishFailed',
] as const satisfies readonly (keyof BrokerEvents)[]

type Listener<E extends keyof BrokerEvents> = (event: BrokerEvents[E]) => void

interface Said {
  atMs: number
  omitted: number
  line: string
}

export class Events {
  readonly #log: LineLog
  readonly #listeners = new Map<keyof BrokerEvents, Map<Listener<never>, UserContext>>()
  /** Last lines by event, and by group for events of a group. */
  readonly #said = new Map<string, Said>()

  constructor(logger: Logger | false | undefined) {
    this.#log = new LineLog(logger)
  }

  /** Returns what removes the listener. */
  on<E extends keyof BrokerEvents>(event: E, listener: Listener<E>): () => void {
    check(event, listener)
    const listeners = this.#listeners.get(event) ?? new Map<Listener<never>, UserContext>()
    this.#listeners.set(event, listeners)
    listeners.set(listener as Listener<never>, new UserContext())
    return () => listeners.delete(listener as Listener<never>)
  }

  emit<E extends keyof BrokerEvents>(event: E, payload: BrokerEvents[E]): void {
    const listeners = this.#listeners.get(event)
    if (listeners !== undefined && listeners.size > 0) {
      for (const [listener, context] of [...listeners]) call(listener as Listener<E>, context, payload)
      return
    }
    this.#say(event, keyOf(event, payload), describe(event, payload))
  }

  /** Nothing comes any more: says how many lines were left out. */
  close(): void {
    for (const { omitted, line } of this.#said.values()) {
      if (omitted === 0) continue
      const like = printableLine(line, REPEATED_CHARS_MAX)
      this.#log.write('warn', `millrace: and ${omitted} more ${omitted === 1 ? 'line' : 'lines'} like this: ${like}`)
    }
    this.#said.clear()
  }

  #say(event: keyof BrokerEvents, wanted: string, line: string): void {
    if (!this.#log.isHeard) return
    const now = nowMs()
    const key = this.#said.has(wanted) || this.#said.size < GROUPS_MAX ? wanted : event
    const said = this.#said.get(key)
    if (said !== undefined && now - said.atMs < LINE_EVERY_MS) {
      said.omitted++
      return
    }
    const omitted =
      said === undefined || said.omitted === 0 ? '' : ` (and ${said.omitted} more since the last line like this)`
    this.#said.set(key, { atMs: now, omitted: 0, line })
    const message = `millrace: ${printableLine(line, SAID_CHARS_MAX)}${omitted}`
    this.#log.write(event === 'failed' || event === 'publishFailed' ? 'error' : 'warn', message)
  }
}

function check(event: unknown, listener: unknown): void {
  if (!(EVENTS as readonly unknown[]).includes(event)) {
    const meant = typeof event === 'string' ? closest(event, EVENTS) : undefined
    const help = meant === undefined ? `there are ${EVENTS.join(', ')}` : `did you mean '${meant}'?`
    throw new MillraceError('MILL_UNKNOWN_OPTION', `unknown event ${show(event)}: ${help}`)
  }
  if (typeof listener !== 'function')
    throw new MillraceError('MILL_INVALID_OPTION', `a listener must be a function, not ${show(listener)}`)
}

/**
 * An error of a listener is an uncaught exception of the process, as with any event of Node. The emitting code and
 * other listeners continue.
 */
function call<T>(listener: (payload: T) => void, context: UserContext, payload: T): void {
  try {
    context.call(listener, undefined, payload)
  } catch (error) {
    process.nextTick(() => {
      throw error
    })
  }
}

/** Lines of one group do not keep those of another from being said. */
function keyOf<E extends keyof BrokerEvents>(event: E, payload: BrokerEvents[E]): string {
  switch (event) {
    case 'deadLettered':
    case 'attemptFailed':
    case 'windowFull': {
      const { topic, group } = payload as BrokerEvents['windowFull']
      return `${event} ${topic} ${group}`
    }
    case 'dropped':
      return `${event} ${(payload as BrokerEvents['dropped']).topic}`
    default:
      return event
  }
}

/** Place of the throw, on one line. */
function thrownAt(stack: string | null): string {
  const frames = (stack ?? '').split('\n').filter(line => /^\s+at /.test(line))
  const callers = frames.findIndex(frame => CALLERS.test(frame))
  return frames
    .slice(0, callers === -1 ? frames.length : callers)
    .filter(isTheirs)
    .slice(0, FRAMES_MAX)
    .map(frame => ` ${frame.trim()}`)
    .join('')
}

/**
 * Whether a frame belongs to neither the broker nor the packages that carry its calls. Those frames do not help to find
 * the fault.
 */
function isTheirs(frame: string): boolean {
  const at = frame.indexOf(OUR_ROOT)
  return !CARRIERS.test(frame) && (at === -1 || !OUR_FILE.test(frame.slice(at + OUR_ROOT.length)))
}

function describe<E extends keyof BrokerEvents>(event: E, payload: BrokerEvents[E]): string {
  switch (event) {
    case 'stalled': {
      const { topic, partition, group, waitedMs, deadLetterTopic } = payload as BrokerEvents['stalled']
      if (deadLetterTopic !== null)
        return `group ${group} stands still in partition ${partition} of topic ${topic}: dead-letter topic ${deadLetterTopic} is full; replay or purge letters, and it goes on`
      return `publishing to partition ${partition} of topic ${topic} has waited ${Math.round(waitedMs)} ms${group === null ? '' : ` for group ${group}`}`
    }
    case 'restarted': {
      const { kind, group, topic, thread, reason } = payload as BrokerEvents['restarted']
      return `${kind} thread ${thread}${group === null ? '' : ` of group ${group} (topic ${topic})`} ${reason} and is started again`
    }
    case 'passedOver': {
      const { topic, partition, group, from, to, records } = payload as BrokerEvents['passedOver']
      return `${topic}/${partition}: a process was killed, and group ${group}, which delivers at most once, goes on at offset ${to}; of ${records} records from offset ${from} on nobody knows whether they were handed out`
    }
    case 'deadLettered': {
      const { topic, partition, offset, group, reason, message, stack } = payload as BrokerEvents['deadLettered']
      return `${topic}/${partition} offset ${offset} was dead-lettered by group ${group} as ${reason}: ${message}${thrownAt(stack)}`
    }
    case 'dropped': {
      const { topic, partition, records, dropped } = payload as BrokerEvents['dropped']
      return `topic ${topic} has no group, and keeps its newest records only: it has dropped ${records} of partition ${partition} (${dropped} so far). Open the topic with groups: ['name'], and it keeps its records for them`
    }
    case 'attemptFailed': {
      const { topic, partition, offset, group, failedAttempts, failures, message, stack } =
        payload as BrokerEvents['attemptFailed']
      const more = failures > 1 ? ` (the first of ${failures} failures since the last line like this)` : ''
      return `group ${group} failed at ${topic}/${partition} offset ${offset}, attempt ${failedAttempts}${more}: ${message}${thrownAt(stack)}`
    }
    case 'windowFull': {
      const { topic, group, window, waitedMs } = payload as BrokerEvents['windowFull']
      return `all ${window} deliveries that group ${group} of topic ${topic} may have in hand are out, and none was settled for ${Math.round(waitedMs)} ms. Nothing more comes before one is: an operator may wait for more than the window (bufferCount), or leave deliveries out (filter) before they are settled. Settle them first, or make the window larger`
    }
    case 'deadLetterDepth': {
      const { topic, depth, threshold, rising, filled } = payload as BrokerEvents['deadLetterDepth']
      const what = `dead-letter topic ${topic} holds ${depth} letters`
      if (!rising) return `${what} again`
      const why =
        depth >= threshold
          ? `deadLetterDepth is ${threshold}`
          : `a partition of it is ${Math.round(filled * 100)} % full`
      return `${what}: replay or purge them (${why})`
    }
    case 'parked': {
      const { topic, partition, offset, group, replayed } = payload as BrokerEvents['parked']
      return `${topic}/${partition} offset ${offset} of group ${group} was replayed ${replayed} times and stays a dead letter`
    }
    case 'recovered': {
      const { file, position, reason } = payload as BrokerEvents['recovered']
      return `${file} was not whole from byte ${position} on (${reason}), and ends there now: nothing acknowledged as 'fsync' was lost`
    }
    case 'failed': {
      const { error } = payload as BrokerEvents['failed']
      return error.message
    }
    default: {
      const { topic, partition, count, error } = payload as BrokerEvents['publishFailed']
      return `${count} records for partition ${partition} of topic ${topic} were not published: ${error.message}`
    }
  }
}
