/** What `handle` and `run` take is the same, and what they do not take is told the other way. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { defineHandler, type FullError, isMillraceError, type UnpublishedError } from '../index.ts'
import { rejection } from '../proof/fixtures/broker.fixture.ts'
import { newTopic } from '../proof/fixtures/shared-broker.fixture.ts'

const same = <A, B>(yes: (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false): boolean =>
  yes

function moduleOf(t: Test, text: string, name = 'handler.mjs'): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-handler-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

t.test('both take a function, a plain object, a frozen one and an instance of a class', async t => {
  const topic = await newTopic<number>()
  class Sum {
    sum = 0
    message({ value }: { readonly value: number }): void {
      this.sum += value
    }
  }
  const instance = new Sum()
  const handlers = {
    function: () => undefined,
    object: { message: () => undefined },
    frozen: Object.freeze({ message: () => undefined }),
    instance,
  }
  await topic.publish({ value: 3 })
  for (const [name, handler] of Object.entries(handlers)) {
    const run = await topic.group(name).handle(handler as () => undefined)
    await run.idle()
    t.equal((await run.stats()).processed, 1, name)
  }
  t.equal(instance.sum, 3)
  for (const [name, text] of Object.entries({
    function: 'export default () => undefined',
    object: 'export default { message() {} }',
    frozen: 'export default Object.freeze({ message() {} })',
  })) {
    const run = await topic.group(`run-${name}`).run({ handler: moduleOf(t, text), threads: 1 })
    await run.idle()
    t.equal((await run.stop()) && (await topic.group(`run-${name}`).stats()).processed, 1, name)
  }
})

t.test('what belongs to the other one is told so', async t => {
  const group = (await newTopic<number>()).group('g')
  const url = new URL('./handler.js', import.meta.url)
  const odd = (value: unknown): never => value as never
  for (const wrong of [url, url.href, { handler: url }])
    t.match(await rejection(group.handle(odd(wrong))), { code: 'MILL_HANDLER', message: /group\.run\(\{ handler/ })
  t.match(await rejection(group.handle(odd(5))), {
    code: 'MILL_HANDLER',
    message: /not a handler, but 5; give a function/,
  })
  t.match(await rejection(group.handle(odd({ mesage() {} }))), { code: 'MILL_HANDLER' })
  t.match(await rejection(group.run(odd(() => undefined))), { message: /`handle` takes a function/ })
  t.match(await rejection(group.run(odd(url))), { message: /write \{ handler: new URL/ })
  for (const handler of [() => undefined, { message() {} }])
    t.match(await rejection(group.run({ handler: odd(handler) })), {
      code: 'MILL_HANDLER',
      message: /module of its own.*with `handle`/,
    })
})

t.test('a syntax error in a handler is told with its line', async t => {
  const topic = await newTopic<number>()
  const handler = moduleOf(t, '// one\n// two\nexport default () => { let = }\n')
  const message = /failed to load: .* at .*handler\.mjs:3, `export default \(\) => \{ let = \}`$/
  t.match(await rejection(topic.group('g').run({ handler, threads: 1 })), { code: 'MILL_HANDLER', message })
  const outer = moduleOf(t, `import '${String(handler)}'\nexport default () => 1\n`)
  t.match(await rejection(topic.group('h').run({ handler: outer, threads: 1 })), {
    code: 'MILL_HANDLER',
    message: /failed to load: .*; `node .*handler\.mjs` shows the line$/,
  })
})

t.test('a handler under another name than default is named', async t => {
  const topic = await newTopic<number>()
  const handler = moduleOf(t, 'export const message = () => 1\n')
  t.match(await rejection(topic.group('g').run({ handler, threads: 1 })), {
    code: 'MILL_HANDLER',
    message: /not a handler, but undefined; it exports message: export default defineHandler/,
  })
})

t.test('an inline handler gets its state from start, and its results from stop', async t => {
  const topic = await newTopic<number>()
  const run = await topic.group('g').handle({
    start: () => ({ sum: 0 }),
    message({ value }, state) {
      t.ok(same<typeof state, { sum: number }>(true))
      state.sum += value
    },
    stop: ({ sum }) => sum,
  })
  const batches = await topic.group('b').handle({
    start: () => ({ sum: 0 }),
    batch(deliveries, state) {
      for (const { value } of deliveries) state.sum += value
    },
    stop: ({ sum }) => sum,
  })
  await topic.publishBatch([{ value: 1 }, { value: 2 }])
  await run.idle()
  await batches.idle()
  for (const each of [run, batches]) {
    const { results } = await each.stop()
    t.ok(same<typeof results, readonly number[]>(true))
    t.strictSame(results, [3])
  }
  const marked = await topic.group('m').handle<string>(defineHandler({ message: () => undefined, stop: () => 'done' }))
  t.strictSame((await marked.stop()).results, ['done'])
})

t.test('an error whose code was tested has what that error carries', async t => {
  const narrowed = (error: unknown): unknown[] => {
    if (isMillraceError(error, 'MILL_FULL'))
      return [same<typeof error.refused, FullError['refused']>(true), error.refused]
    if (isMillraceError(error, 'MILL_UNPUBLISHED'))
      return [same<typeof error.unpublished, UnpublishedError['unpublished']>(true), error.unpublished.length]
    if (isMillraceError(error, 'MILL_CLOSED')) {
      // @ts-expect-error: only MILL_FULL has it
      void error.refused
    }
    if (isMillraceError(error)) {
      switch (error.code) {
        case 'MILL_FULL':
          return [same<typeof error.refused, FullError['refused']>(true)]
        case 'MILL_UNPUBLISHED':
          return [same<typeof error.unpublished, UnpublishedError['unpublished']>(true)]
      }
    }
    return []
  }
  const topic = await newTopic<bigint>()
  t.strictSame(narrowed(await rejection(topic.publishBatch([{ value: 1n }]))), [true, 1])
})
