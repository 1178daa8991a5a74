/** A loss of power took records that groups had settled already: what is published in their place is handled all the same. */
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openBroker } from '../../api/broker.ts'
import { defineHandler } from '../../options/define.ts'
import type { Broker } from '../../words/broker.ts'
import type { Topic } from '../../words/topic.ts'

const GROUPS = ['plain', 'stateful'] as const
const SETTINGS = { partitions: 1, codec: 'string', durability: 'os' } as const

/** Its state: what it was given. */
function collector(seen: string[]) {
  return defineHandler({
    start: (): string[] => [],
    message({ value }: { readonly value: string }, state: string[]) {
      state.push(value)
      seen.push(value)
    },
    snapshot: (state: string[]) => state,
    restore: (kept: unknown) => kept as string[],
  })
}

/** Lets a group handle all that it has to. */
async function handled(topic: Topic<string>, name: (typeof GROUPS)[number], seen: string[]): Promise<void> {
  const plain = ({ value }: { readonly value: string }): void => void seen.push(value)
  await (await topic.group(name).handle(name === 'plain' ? plain : collector(seen))).idle()
}

async function withTopic(dir: string, act: (topic: Topic<string>, broker: Broker) => Promise<void>): Promise<void> {
  const broker = await openBroker({ dir, logger: false })
  try {
    await act(await broker.topic<string>('orders', SETTINGS), broker)
  } finally {
    await broker.close()
  }
}

const values = (word: string, count: number): { readonly value: string }[] =>
  Array.from({ length: count }, (_, index) => ({ value: `${word} ${index}` }))

/**
 * The folder as a loss of power may leave it: a log with the first three of ten records that its groups have settled. `act` is
 * the first to open it again.
 */
async function afterTheLoss(dir: string, act: (topic: Topic<string>) => Promise<void>): Promise<void> {
  const [older, newer] = [join(dir, 'older'), join(dir, 'newer')]
  const handleAll = async (topic: Topic<string>, ...messages: readonly { readonly value: string }[]): Promise<void> => {
    await topic.publishBatch(messages)
    for (const name of GROUPS) await handled(topic, name, [])
  }
  await withTopic(older, topic => handleAll(topic, ...values('kept', 3)))
  cpSync(older, newer, { recursive: true })
  await withTopic(newer, topic => handleAll(topic, ...values('lost', 7)))
  for (const file of ['host-0.groups', 'snapshots']) cpSync(join(newer, file), join(older, file))
  await withTopic(older, act)
}

t.test('records that are published before their group is there again are handled', async t => {
  await afterTheLoss(t.testdir(), async topic => {
    await topic.publishBatch(values('new', 9))
    for (const name of GROUPS) {
      const seen: string[] = []
      await handled(topic, name, seen)
      t.strictSame(
        seen,
        Array.from(values('new', 9), ({ value }) => value),
        name,
      )
    }
  })
})

t.test('the same where the process that published them did not have the group', async t => {
  const dir = t.testdir()
  await afterTheLoss(dir, async topic => void (await topic.publishBatch(values('new', 9))))
  await withTopic(join(dir, 'older'), async topic => {
    for (const name of GROUPS) {
      const seen: string[] = []
      await handled(topic, name, seen)
      t.equal(seen.length, 9, name)
    }
  })
})
