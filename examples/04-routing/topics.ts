/**
 * Tutorial 5, topics: patterns over the words of the routing key, `facility.severity`.
 *
 *   queue `raw` -> worker threads -> exchange `logs` --- kern.* -------> queue `kernel`
 *                                       |     \------ *.critical ----> queue `alarms`
 *                                       |      \----- # -------------> topic `archive`, unless it is unreadable
 *                                       \- no binding takes it ------> exchange `lost` -> queue `unreadable`
 */
import type { Broker } from 'millrace'
import { type LogLine, logExchange, rawLines, rawQueue } from './exchanges.ts'

export interface Sorted {
  readonly lines: number
  /** Lines that each target has got. */
  readonly kernel: number
  readonly alarms: number
  readonly archive: number
  readonly unreadable: number
  /** Where a line of this key goes. */
  readonly example: { readonly key: string; readonly targets: readonly string[] }
}

export async function topics(broker: Broker, lines: number, threads: number): Promise<Sorted> {
  const raw = await broker.queue(rawQueue)
  const kernel = await broker.queue<LogLine>('kernel')
  const alarms = await broker.queue<LogLine>('alarms')
  const unreadable = await broker.queue<LogLine>('unreadable')
  const archive = await broker.topic<LogLine>('archive', { partitions: 2, groups: ['all'] })

  const logs = await broker.exchange(logExchange)
  await logs.bind(kernel, 'kern.*')
  await logs.bind(alarms, '*.critical')
  await logs.bind(alarms, 'kern.critical') // such a line comes once all the same
  await logs.bind(archive, '*.*')
  const lost = await broker.exchange<LogLine>('lost', { type: 'fanout' })
  await lost.bind(unreadable)
  const example = { key: 'kern.critical', targets: await logs.route('kern.critical') }

  const sorting = await raw.run({ handler: new URL('./sorting.js', import.meta.url), threads })
  const counts = { kernel: 0, alarms: 0, archive: 0, unreadable: 0 }
  const runs = [
    await kernel.handle(() => void counts.kernel++),
    await alarms.handle(() => void counts.alarms++),
    await unreadable.handle(() => void counts.unreadable++),
    await archive.group('all').handle(() => void counts.archive++),
  ]
  await raw.sendBatch(Array.from(rawLines(lines), value => ({ value })))
  await sorting.idle()
  for (const run of runs) await run.idle()
  return { lines, ...counts, example }
}
