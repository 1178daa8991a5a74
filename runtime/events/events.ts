/**
 * Status notices of a broker: to those who listen, and one rate-limited line to the logger where nobody does.
 *
 * The thread that created the broker. An event is never a record: nothing is lost when nobody listens. A listener is called
 * in the async context of its `on`.
 */
import { nowMs } from '../../actors/world.ts'
import { closest } from '../base/closest.ts'
import { LINE_CHARS_MAX, printableLine } from '../base/printable.ts'
import { UserContext } from '../base/user-context.ts'
import type { BrokerEvents } from '../words/broker-events.ts'
import type { Logger } from '../words/common-options.ts'
import { MillraceError } from '../words/errors.ts'
import { show } from '../words/names.ts'
import { EVENT_NAMES, EVENT_TABLE } from './event-table.ts'
import { LineLog } from './line-log.ts'

/** Lines of one kind are at least this far apart; what was left out in between is counted in the next. */
const LINE_EVERY_MS = 5_000
/** What others wrote must not push out how many lines were left out. */
const SAID_CHARS_MAX = LINE_CHARS_MAX - 100
/** Groups whose lines are counted each by itself; those of more are counted together. */
const GROUPS_MAX = 1_024
/** Of the line after which others were left out, when they are counted at the end. */
const REPEATED_CHARS_MAX = 300

type Listener<E extends keyof BrokerEvents> = (event: BrokerEvents[E]) => void

interface Said {
  atMs: number
  omitted: number
  line: string
}

export class Events {
  readonly #log: LineLog
  readonly #listeners = new Map<keyof BrokerEvents, Map<Listener<never>, UserContext>>()
  /** By event, and by group where the event is a group's. */
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
    if (!this.#log.isHeard) return
    const { level, say, apart }: (typeof EVENT_TABLE)[E] = EVENT_TABLE[event]
    const wanted = apart === undefined ? event : `${event} ${apart(payload)}`
    this.#say(level, event, wanted, say(payload))
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

  #say(level: keyof Logger, event: keyof BrokerEvents, wanted: string, line: string): void {
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
    this.#log.write(level, message)
  }
}

function check(event: unknown, listener: unknown): void {
  if (typeof event !== 'string' || !EVENT_NAMES.includes(event)) {
    const meant = typeof event === 'string' ? closest(event, EVENT_NAMES) : undefined
    const help = meant === undefined ? `there are ${EVENT_NAMES.join(', ')}` : `did you mean '${meant}'?`
    throw new MillraceError('MILL_UNKNOWN_OPTION', `unknown event ${show(event)}: ${help}`)
  }
  if (typeof listener !== 'function')
    throw new MillraceError('MILL_INVALID_OPTION', `a listener must be a function, not ${show(listener)}`)
}

/** What a listener throws is the process's, as with any event of Node; those who emit and other listeners go on. */
function call<T>(listener: (payload: T) => void, context: UserContext, payload: T): void {
  try {
    context.call(listener, undefined, payload)
  } catch (error) {
    process.nextTick(() => {
      throw error
    })
  }
}
