/** Whatever `start`, `restore`, `snapshot` and `stop` throw or return fails that step, with a code, and nothing else. */
import t, { type Test } from 'tap'
import { isMillraceError, type Run, type Topic } from '../index.ts'
import { rejection, SMALL } from '../proof/fixtures/broker.fixture.ts'
import { newTopic } from '../proof/fixtures/shared-broker.fixture.ts'
import { within } from '../proof/stress/within.fixture.ts'
import { HOSTILE } from './fixtures/hostile.fixture.ts'

const loop = new Error('its own cause')
loop.cause = loop
/** Whether this Node reads what it has written of such an error: later ones than Node 20 do. */
const isLoopRead = (() => {
  try {
    structuredClone(loop)
    return true
  } catch {
    return false
  }
})()

const VALUES: readonly (() => unknown)[] = [
  ...HOSTILE,
  () => null,
  () => undefined,
  () => Symbol('s'),
  () => Object.freeze(new Error('frozen')),
  () => Object.create(null),
  () => loop,
  // biome-ignore lint/suspicious/noThenProperty: that is what is tested
  () => ({ then: (_: unknown, reject: (error: unknown) => void) => reject(null) }),
]

type Step = 'start' | 'restore' | 'snapshot' | 'stop'

interface State {
  count: number
}

const keeping = { snapshot: (state: State) => state, restore: (state: State) => state }

function handlerOf(step: Step, act: () => unknown): never {
  const handler = {
    start: () => ({ count: 0 }),
    message: (_: unknown, state: State) => void state.count++,
    ...(step === 'snapshot' || step === 'restore' ? keeping : {}),
  }
  return { ...handler, [step]: act } as never
}

const fails = {
  throws: (value: unknown) => () => {
    throw value
  },
  rejects: (value: unknown) => () => Promise.reject(value),
}

/** What became of a run of that handler: the error of its group's wait, or else of its stop. */
async function outcome(topic: Topic<number>, name: string, handler: never): Promise<unknown> {
  let run: Run
  try {
    run = await topic.group(name).handle(handler)
  } catch (error) {
    return error
  }
  const idle = await run.idle().catch((error: unknown) => error)
  const stop = await run.stop().catch((error: unknown) => error)
  return idle ?? stop
}

async function judge(t: Test, step: Step, how: string, act: (value: unknown) => () => unknown): Promise<void> {
  const topic = await newTopic<number>(SMALL)
  await topic.publish({ value: 1 })
  for (const [n, value] of VALUES.entries()) {
    const name = `g${n}`
    const kept =
      step === 'restore'
        ? await outcome(
            topic,
            name,
            handlerOf('snapshot', () => ({ count: 1 })),
          )
        : {}
    t.match(kept, {}, 'what is to be restored was kept')
    if (step === 'restore') await topic.publish({ value: 2 })
    const error = await outcome(topic, name, handlerOf(step, act(value())))
    t.ok(isMillraceError(error, 'MILL_HANDLER'), `${how} ${n}`)
    t.match((error as Error).message, `\`${step}\``)
    await topic.group(name).delete()
  }
  const run = await topic.group('after').handle(() => undefined)
  await run.idle()
  t.equal((await run.stats()).failures, 0)
  await run.stop()
}

for (const step of ['start', 'restore', 'stop'] as const) {
  for (const [how, act] of Object.entries(fails))
    t.test(`${step} that ${how} what cannot be looked at`, t => judge(t, step, how, act))
}

t.test('snapshot that throws what cannot be looked at', t => judge(t, 'snapshot', 'throws', fails.throws))

t.test('a snapshot that cannot be looked at is not said to be a promise', async t => {
  const topic = await newTopic<number>(SMALL)
  await topic.publish({ value: 1 })
  for (const n of [0, 4, 6]) {
    const error = await outcome(
      topic,
      `g${n}`,
      handlerOf('snapshot', () => HOSTILE[n]?.()),
    )
    t.match(error, { code: 'MILL_UNSERIALISABLE', message: /throws when it is looked at/ })
  }
})

t.test('what stop returns and no other thread can read is told at once', async t => {
  const topic = await newTopic<number>(SMALL)
  await topic.publish({ value: 1 })
  const unread: readonly unknown[] = [...(isLoopRead ? [] : [loop]), Symbol('s'), () => undefined]
  for (const [n, value] of unread.entries()) {
    const error = await outcome(
      topic,
      `g${n}`,
      handlerOf('stop', () => value),
    )
    t.match(error, {
      code: 'MILL_HANDLER',
      message: /what it returned cannot be sent/,
      cause: { code: 'MILL_UNSERIALISABLE' },
    })
  }
  if (!isLoopRead) return
  const stopped = await outcome(
    topic,
    'read',
    handlerOf('stop', () => loop),
  )
  t.match(stopped, { results: [{ message: 'its own cause' }] })
})

t.test('data that no other thread can read is refused, and its run does not begin', async t => {
  const topic = await newTopic<number>(SMALL)
  const handler = new URL('./fixtures/hostile.fixture.js', import.meta.url)
  const getter = (thrown: unknown): object => ({
    get field() {
      throw thrown
    },
  })
  const loops: readonly unknown[] = isLoopRead ? [] : [loop, { deep: loop }]
  for (const data of [...loops, Symbol('s'), getter(null), getter(new Error('mine'))])
    t.match(await within(5_000, 'run', rejection(topic.group('g').run({ handler, threads: 1, data }))), {
      code: 'MILL_UNSERIALISABLE',
      message: /`data` of a run cannot be sent/,
    })
})

t.test('a batch is refused whole, by its own kind of error, whatever a look at one of its messages throws', async t => {
  for (const [n, value] of VALUES.entries()) {
    const topic = await newTopic<unknown>({
      ...SMALL,
      partitioner: (key: unknown) => {
        if (key === null) throw value()
        return 0
      },
    })
    const toJSON = (): never => {
      throw value()
    }
    const bad = [
      { value: 1 },
      { key: 'k', value: { toJSON } },
      {
        key: 'k',
        get value() {
          return toJSON()
        },
      },
    ]
    for (const message of bad) {
      const good = { key: 'k', value: 1 }
      const error = await rejection(topic.publishBatch([good, message]))
      t.match(error, { code: 'MILL_UNPUBLISHED', message: /index 1/ }, `value ${n}`)
    }
    t.match(await rejection(topic.publish({ key: 'k', value: { toJSON } })), { code: 'MILL_UNSERIALISABLE' })
    await topic.delete()
  }
})
