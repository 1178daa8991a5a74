import { once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import t from 'tap'
import { CallError, type CallFailure, type Calls, connect, pump, serve, transfer } from './control-port.ts'
import { setErrorWire } from './error-wire.ts'
import type { DeathsApi } from './fixtures/deaths.fixture.ts'
import { HostPool } from './host.ts'

const DEATHS = new URL('./fixtures/deaths.fixture.js', import.meta.url)
const forever = new Promise<never>(() => {})

async function failureOf(call: Promise<unknown>): Promise<CallFailure | undefined> {
  try {
    await call
  } catch (error) {
    if (error instanceof CallError) return error.failure
    throw error
  }
  return undefined
}

/** A host thread that serves `DeathsApi`, and a connection to it. */
async function withApi(
  run: (call: Calls<DeathsApi>, host: ReturnType<HostPool['start']>) => Promise<void>,
): Promise<void> {
  const pool = new HostPool({ name: 'api', behaviour: DEATHS, execArgv: [] })
  const host = pool.start({ how: 'serve', counter: new Int32Array(new SharedArrayBuffer(8)) })
  const remote = connect<DeathsApi>(host.port, { name: 'api', lost: host.exited })
  try {
    await run(remote.call, host)
  } finally {
    remote.close()
    await pool.close()
  }
}

t.test('calls a method on another thread', async t => {
  await withApi(async call => {
    t.equal(await call.add(2, 3), 5)
    t.same(await Promise.all([1, 2, 3].map(left => call.add(left, 1))), [2, 3, 4])
  })
})

t.test('brings an error back with its code and cause', async t => {
  await withApi(async call => {
    await t.rejects(call.fail(), {
      message: 'refused',
      code: 'TEST_CODE',
      cause: { name: 'TypeError', message: 'deeper' },
    })
    await t.rejects(call.unclonable(), /Unserializable/)
    setErrorWire({
      toWire: () => ({ name: 'x', message: 'x' }),
      fromWire: wire => new RangeError(`mapped ${wire.message}`),
    })
    t.teardown(() => setErrorWire())
    await t.rejects(call.fail(), new RangeError('mapped refused'))
  })
})

t.test('refuses a method that is not there', async t => {
  await withApi(async call => {
    const loose = call as unknown as Record<'absent' | 'toLocaleString' | 'constructor', () => Promise<unknown>> & {
      readonly then?: unknown
    }
    await t.rejects(loose.absent(), /no method absent/)
    await t.rejects(loose.toLocaleString(), /no method toLocaleString/)
    await t.rejects(loose.constructor(), /no method constructor/)
    t.equal(loose.then, undefined, 'the calls are not a promise')
  })
})

t.test('moves ports there and back', async t => {
  await withApi(async call => {
    const { port1, port2 } = new MessageChannel()
    const taken = once(port1, 'message')
    const given: MessagePort = await call.exchange(transfer(port2, [port2]))
    t.same(await taken, ['taken'])
    t.same(await once(given, 'message'), ['given'])
    port1.close()
    given.close()
  })
})

t.test('rejects the pending call at once when the other thread dies', async t => {
  await withApi(async (call, host) => {
    const pending = call.spin()
    await new Promise(resolve => setTimeout(resolve, 20))
    host.kill('watchdog')
    const failure = await failureOf(pending)
    t.ok(failure?.kind === 'lost' || failure?.kind === 'closed', 'the pending call')
    t.ok(await failureOf(call.add(1, 1)), 'so does a later one')
  })
  await withApi(async call => {
    t.ok(await failureOf(call.exit(0)), 'process.exit(0) too')
  })
})

t.test('rejects with the reason when the thread is said to be lost', async t => {
  const { port1, port2 } = new MessageChannel()
  let lose: (reason: string) => void = () => {}
  const lost = new Promise<string>(resolve => {
    lose = resolve
  })
  const remote = connect<DeathsApi>(port1, { name: 'api', lost })
  const pending = failureOf(remote.call.never())
  lose('gone')
  t.same(await pending, { kind: 'lost', name: 'api', method: 'never', reason: 'gone' })
  t.same(await failureOf(remote.call.add(1, 2)), { kind: 'lost', name: 'api', method: 'add', reason: 'gone' })
  port2.close()
})

t.test('lets an answer that arrived before the death win', async t => {
  const { port1, port2 } = new MessageChannel()
  let lose: (reason: string) => void = () => {}
  const lost = new Promise<string>(resolve => {
    lose = resolve
  })
  const stop = serve(port2, { add: (left: number, right: number) => left + right })
  const remote = connect<DeathsApi>(port1, { name: 'api', lost })
  const pending = remote.call.add(1, 2)
  while (pump(port2) === 0) await turn()
  lose('gone')
  t.equal(await pending, 3)
  stop()
})

t.test('rejects at the deadline of the connection or of the call', async t => {
  const { port1, port2 } = new MessageChannel()
  const stop = serve(port2, { never: () => forever })
  const remote = connect<DeathsApi>(port1, { name: 'api', lost: forever, deadlineMs: 10 })
  t.same(await failureOf(remote.call.never()), { kind: 'deadline', name: 'api', method: 'never', deadlineMs: 10 })
  t.same(await failureOf(remote.withDeadline(20).never()), {
    kind: 'deadline',
    name: 'api',
    method: 'never',
    deadlineMs: 20,
  })
  stop()
})

t.test('rejects what is pending when either side closes', async t => {
  for (const side of ['server', 'client'] as const) {
    const { port1, port2 } = new MessageChannel()
    const stop = serve(port2, { never: () => forever })
    const remote = connect<DeathsApi>(port1, { name: 'api', lost: forever })
    const pending = failureOf(remote.call.never())
    if (side === 'server') stop()
    else remote.close()
    t.same(await pending, { kind: 'closed', name: 'api', method: 'never' }, side)
  }
})

t.test('refuses the call beyond the bound of unanswered ones', async t => {
  const { port1, port2 } = new MessageChannel()
  const remote = connect<DeathsApi>(port1, { name: 'api', lost: forever })
  const pending = Array.from({ length: 4_096 }, () => failureOf(remote.call.never()))
  t.same(await failureOf(remote.call.never()), { kind: 'full', name: 'api', method: 'never', pendingMax: 4_096 })
  remote.close()
  t.ok((await Promise.all(pending)).every(failure => failure?.kind === 'closed'))
  port2.close()
})

t.test('a caller with bounds of its own may have more calls unanswered', async t => {
  const { port1, port2 } = new MessageChannel()
  const remote = connect<DeathsApi>(port1, { name: 'api', lost: forever, pendingMax: Number.POSITIVE_INFINITY })
  const pending = Array.from({ length: 5_000 }, () => failureOf(remote.call.never()))
  remote.close()
  const kinds = new Set((await Promise.all(pending)).map(failure => failure?.kind))
  t.strictSame([...kinds], ['closed'])
  port2.close()
})

t.test('handles waiting calls when pumped, without the event loop', async t => {
  const { port1, port2 } = new MessageChannel()
  let called = 0
  const stop = serve(
    port2,
    {
      hit: () => {
        called += 1
      },
    },
    { ref: false },
  )
  const remote = connect<{ hit(): void }>(port1, { name: 'api', lost: forever })
  const hit = remote.call.hit()
  t.equal(pump(port2), 1)
  t.equal(called, 1)
  t.equal(pump(port2), 0)
  await hit
  t.equal(pump(new MessageChannel().port1), 0, 'a port that serves nothing is left alone')
  stop()
})

t.test('lets go of a connection that closed with a call unanswered', async t => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const closedWithCall = async (): Promise<WeakRef<MessagePort>> => {
    const { port1, port2 } = new MessageChannel()
    // What waits for a promise lives as long as it: each has its own.
    serve(port2, { never: () => new Promise<never>(() => {}) })
    const remote = connect<{ never(): void }>(port1, { name: 'api', lost: new Promise<never>(() => {}) })
    const failing = failureOf(remote.call.never())
    await turn()
    remote.close()
    t.same(await failing, { kind: 'closed', name: 'api', method: 'never' })
    return new WeakRef(port1)
  }
  const ports = [await closedWithCall(), await closedWithCall(), await closedWithCall()]
  for (let turns = 0; turns < 200 && ports.some(port => port.deref() !== undefined); turns++) {
    await turn()
    collect()
  }
  t.same(
    ports.map(port => port.deref()),
    [undefined, undefined, undefined],
  )
})
