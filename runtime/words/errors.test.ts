import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import fc from 'fast-check'
import t from 'tap'
import { repositoryRoot } from '../proof/fixtures/repository.fixture.ts'
import { ALL_ERROR_CODES } from './error-codes.ts'
import {
  FullError,
  fromWire,
  isMillraceError,
  MillraceError,
  PartlyRoutedError,
  RejectError,
  RequestError,
  toWire,
  UnpublishedError,
} from './errors.ts'

/** As an error really travels: through a message port. */
function acrossThreads(thrown: unknown): Error {
  const { port1, port2 } = new MessageChannel()
  port1.postMessage(toWire(thrown))
  const received = receiveMessageOnPort(port2)
  port1.close()
  return fromWire(received?.message)
}

t.test('ERRORS.md explains every code, and no other', async t => {
  const text = readFileSync(new URL('../../../ERRORS.md', import.meta.url), 'utf8')
  const sections = text.split(/^## /m).slice(1)
  t.same(
    sections.map(section => section.slice(0, section.indexOf('\n'))),
    [...ALL_ERROR_CODES],
  )
  for (const section of sections) t.match(section, /\*\*Meaning:\*\* .+\*\*When:\*\* .+\*\*What to do:\*\* .+/s)
})

t.test('every code is raised by a source that ships, and none that is not listed', async t => {
  const root = repositoryRoot()
  const raised = new Set<string>()
  for (const room of ['runtime', 'actors']) {
    for (const path of readdirSync(join(root, room), { recursive: true, encoding: 'utf8' })) {
      if (!/\.ts$/.test(path) || /\.(test|fixture|d)\.ts$|(^|[/\\])(dist|fixtures|stress)[/\\]/.test(path)) continue
      if (/^words[/\\]error(s|-codes)\.ts$/.test(path)) continue
      for (const [code] of readFileSync(join(root, room, path), 'utf8').matchAll(/(?<=')MILL_[A-Z_]+(?=')/g))
        raised.add(code)
    }
  }
  // By the classes in errors.ts, which everyone else uses.
  for (const error of [
    new FullError('x', 1),
    new UnpublishedError('x', [], [], 1),
    new PartlyRoutedError('x', [], [], [], 1),
    new RejectError(),
    new RequestError('x', 'lost'),
  ])
    raised.add(error.code)
  t.strictSame([...raised].sort(), [...ALL_ERROR_CODES])
})

t.test('codes are unique and in alphabetical order', async t => {
  t.same([...ALL_ERROR_CODES], [...new Set(ALL_ERROR_CODES)].sort())
})

t.test('every code survives crossing threads', async t => {
  for (const code of ALL_ERROR_CODES) t.ok(isMillraceError(acrossThreads(new MillraceError(code, 'x')), code), code)
})

t.test('class, code, message, stack, cause and retriable survive crossing threads', async t => {
  const cause = Object.assign(new TypeError('deep'), { code: 'E_DEEP' })
  const errors = [
    new MillraceError('MILL_TIMEOUT', 'late', { cause, retriable: true }),
    new MillraceError('MILL_CLOSED', 'closed'),
    new RejectError('never', { cause }),
    new UnpublishedError('partly', [1], [], cause),
    new FullError('full', { value: 1 }),
  ]
  for (const sent of errors) {
    const got = acrossThreads(sent)
    t.equal(got.constructor, sent.constructor)
    t.match(got, {
      code: sent.code,
      message: sent.message,
      stack: sent.stack,
      name: sent.name,
      retriable: sent.retriable,
    })
    t.equal((got.cause as Error | undefined)?.message, (sent.cause as Error | undefined)?.message)
    t.equal((got.cause as Error | undefined)?.stack, (sent.cause as Error | undefined)?.stack)
  }
})

t.test("what was refused or left unpublished stays on the publisher's thread", async t => {
  t.equal((acrossThreads(new FullError('full', { value: () => 1 })) as FullError).refused, undefined)
  t.same((acrossThreads(new UnpublishedError('partly', [() => 1], [], undefined)) as UnpublishedError).unpublished, [])
  const partly = acrossThreads(
    new PartlyRoutedError('partly', ['a'], ['b'], [], new Error('full')),
  ) as PartlyRoutedError
  t.match(partly, { name: 'PartlyRoutedError', taken: [], refused: [], unknown: [], cause: { message: 'full' } })
})

t.test('an error of somebody else keeps its name and its own code', async t => {
  const got = acrossThreads(Object.assign(new RangeError('far'), { code: 34 }))
  t.equal(got.constructor, Error)
  t.match(got, { name: 'RangeError', message: 'far', code: 34 })
  t.notOk(isMillraceError(got))
  t.notOk('code' in acrossThreads(new Error('plain')))
  t.notOk('code' in acrossThreads(Object.assign(new Error('x'), { code: { nested: 1 } })))
  t.notOk('code' in acrossThreads(new DOMException('x', 'DataCloneError')), 'an inherited code is not its own')
})

t.test('a rejection is known by its code, from whichever class', async t => {
  t.ok(acrossThreads(Object.assign(new Error('no'), { code: 'MILL_REJECTED' })) instanceof RejectError)
})

t.test('anything that can be thrown becomes an error that shows it', async t => {
  const shown: readonly (readonly [unknown, RegExp])[] = [
    ['x', /^x$/],
    ['', /^$/],
    [undefined, /undefined/],
    [null, /null/],
    [0, /0/],
    [12n, /12n/],
    [Symbol('s'), /Symbol\(s\)/],
    [{ status: 500 }, /status: 500/],
    [{ message: 'duck' }, /^duck$/],
    [() => 1, /Function/],
    [Object.create(null), /null prototype/],
  ]
  for (const [thrown, pattern] of shown) {
    const got = acrossThreads(thrown)
    t.ok(got instanceof Error)
    t.match(got.message, pattern)
  }
  t.equal(acrossThreads('x').stack, 'Error: x', 'without a stack that points at the transport')
})

t.test('hostile errors cross too', async t => {
  const throwing = new Proxy(
    {},
    {
      get() {
        throw new Error('trap')
      },
      getOwnPropertyDescriptor() {
        throw new Error('trap')
      },
    },
  )
  const { proxy: revoked, revoke } = Proxy.revocable({}, {})
  revoke()
  const getters = new Error('kept')
  for (const property of ['stack', 'code', 'cause', 'retriable', 'name']) {
    Object.defineProperty(getters, property, {
      get() {
        throw new Error('getter')
      },
    })
  }
  t.equal(acrossThreads(getters).message, 'kept')
  t.type(acrossThreads(throwing).message, 'string')
  t.type(acrossThreads(revoked).message, 'string')
  t.equal(acrossThreads(Object.assign(new Error('x'), { name: 5, stack: [] })).name, 'Error')
})

t.test('message and stack are cut at their bounds, between characters, and the frames stay', async t => {
  const wire = toWire(new Error('😀'.repeat(100_000)))
  t.ok(Buffer.byteLength(wire.message) <= 4_096)
  t.ok(Buffer.byteLength(wire.message) > 4_080)
  t.match(wire.message, /^(?:😀)+…$/u)
  t.ok(Buffer.byteLength(wire.stack ?? '') <= 8_192)
  t.match(wire.stack, /errors\.test/)
  t.equal(toWire(new Error('a'.repeat(4_096))).message.length, 4_096, 'exactly at the bound nothing is lost')
})

t.test('five causes cross, and a cycle of causes ends there', async t => {
  const cyclic = new Error('round')
  cyclic.cause = cyclic
  let depth = 0
  for (let wire = toWire(cyclic).cause; wire !== undefined; wire = wire.cause) depth++
  t.equal(depth, 5)
})

t.test('whatever is thrown, the wire is bounded and a second crossing changes nothing', async () => {
  fc.assert(
    fc.property(fc.anything({ withBigInt: true, withNullPrototype: true, withSparseArray: true }), thrown => {
      const wire = toWire(thrown)
      return (
        Buffer.byteLength(JSON.stringify(wire)) < 75 * 1_024 &&
        toWire(fromWire(wire)).message === wire.message &&
        toWire(fromWire(wire)).name === wire.name
      )
    }),
  )
})

t.test('isMillraceError asks for the brand, and for the code if one is given', async t => {
  const error = new MillraceError('MILL_CLOSED', 'x')
  t.ok(isMillraceError(error))
  t.ok(isMillraceError(error, 'MILL_CLOSED'))
  t.notOk(isMillraceError(error, 'MILL_FULL'))
  t.notOk(isMillraceError(Object.assign(new Error('x'), { code: 'MILL_CLOSED' })))
  for (const other of [undefined, null, 'MILL_CLOSED', 1]) t.notOk(isMillraceError(other))
})
