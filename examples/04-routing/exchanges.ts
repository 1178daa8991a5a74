/**
 * The log lines of this example, and the queues and exchanges that they pass; shared by the main thread and the handler threads.
 */
import { defineExchange, defineQueue, type ExchangeDefinition, type QueueDefinition } from 'millrace'

export interface LogLine {
  readonly facility: 'auth' | 'cron' | 'kern'
  readonly severity: 'info' | 'warning' | 'critical'
  readonly text: string
}

/** Lines as they come in, before it is known what they say. */
export const rawQueue: QueueDefinition<string> = defineQueue<string>('raw', { codec: 'string' })

/** By `facility.severity`. */
export const logExchange: ExchangeDefinition<LogLine> = defineExchange<LogLine>('logs', {
  type: 'topic',
  alternate: 'lost',
})

const FACILITIES: readonly LogLine['facility'][] = ['auth', 'cron', 'kern']
const SEVERITIES: readonly LogLine['severity'][] = ['info', 'warning', 'critical']

/** So many lines, as text: each facility and severity in turn, and every tenth one cannot be read. */
export function* rawLines(count: number): Generator<string> {
  for (let i = 0; i < count; i++) {
    const facility = FACILITIES[i % 3] as string
    const severity = SEVERITIES[Math.floor(i / 3) % 3] as string
    yield i % 10 === 9 ? `?? ${i}` : `${facility}.${severity} line ${i}`
  }
}

/** Null: it cannot be read. */
export function parseLine(raw: string): LogLine | null {
  const [, facility, severity, text] = /^(\w+)\.(\w+) (.*)$/.exec(raw) ?? []
  const isKnown = FACILITIES.includes(facility as never) && SEVERITIES.includes(severity as never)
  return isKnown ? ({ facility, severity, text } as LogLine) : null
}
