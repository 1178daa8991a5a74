/** Tutorial 4, routing: a direct exchange sends each message by its routing key, here the severity; a key may lead to several queues. */
import type { Broker } from 'millrace'

export interface Routed {
  /** Severities that each queue has got, in order. */
  readonly console: readonly string[]
  readonly file: readonly string[]
  /** What a severity without a binding was answered. */
  readonly refused: string
}

export async function routing(broker: Broker): Promise<Routed> {
  const onConsole = await broker.queue<{ text: string }>('console')
  const file = await broker.queue<{ text: string }>('file')
  const logs = await broker.exchange<{ text: string }>('direct-logs', { type: 'direct' })
  for (const severity of ['info', 'warning', 'error']) await logs.bind(onConsole, severity)
  await logs.bind(file, 'error')
  for (const severity of ['info', 'error', 'warning', 'error'])
    await logs.publish(severity, { value: { text: 'hello' } })
  const refused = await logs
    .publish('debug', { value: { text: 'hello' } })
    .catch((error: { code: string }) => error.code)

  const got: { console: string[]; file: string[] } = { console: [], file: [] }
  for (const [name, queue] of [
    ['console', onConsole],
    ['file', file],
  ] as const) {
    const run = await queue.handle(({ headers }) => got[name].push(String(headers['millrace-routing-key'])))
    await run.idle()
  }
  return { ...got, refused: String(refused) }
}
