/** Tutorial 3, publish and subscribe: a fanout exchange gives each subscriber's queue a copy. A topic keeps one for all who read it later. */
import type { Broker } from 'millrace'

export interface Subscribed {
  /** What each subscriber has got. */
  readonly screen: readonly string[]
  readonly disk: readonly string[]
  /** What the topic has. */
  readonly history: readonly string[]
}

export async function publishSubscribe(broker: Broker): Promise<Subscribed> {
  const screen = await broker.queue<string>('screen', { codec: 'string' })
  const disk = await broker.queue<string>('disk', { codec: 'string' })
  const history = await broker.topic<string>('history', { codec: 'string', groups: ['readers'] })
  const news = await broker.exchange<string>('news', { type: 'fanout' })
  await news.bind(screen)
  await news.bind(history)
  await news.publish('', { value: 'first' })
  await news.bind(disk)
  await news.publish('', { value: 'second' })

  const got: Subscribed = { screen: [], disk: [], history: [] }
  const keep = (name: keyof Subscribed, value: string): unknown => (got[name] as string[]).push(value)
  await (await screen.handle(({ value }) => keep('screen', value))).idle()
  await (await disk.handle(({ value }) => keep('disk', value))).idle()
  await (await history.group('readers').handle(({ value }) => keep('history', value))).idle()
  return got
}
