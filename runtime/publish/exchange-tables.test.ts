/** The tables of a thread: fresh, refreshed in order by one question at a time, and never of before what has been answered. */
import { Memory } from 'sharedarraybuffer-ring'
import t from 'tap'
import { Bindings } from '../routing/bindings.ts'
import type { RoutePage, TablePosition } from '../wire/route-changes.ts'
import { ExchangeTables } from './exchange-tables.ts'

const WORD = 128
const QUEUE = { kind: 'queue', name: 'q', id: 7 } as const

/** The control thread, which answers when it is told to. */
class House {
  readonly memory: Memory = Memory.allocate(4_096)
  readonly bindings: Bindings = new Bindings()
  readonly asked: (() => Promise<void>)[] = []
  failure: Error | null = null
  readonly tables: ExchangeTables = new ExchangeTables(this.memory, WORD, position => this.#ask(position))

  changed(act: (bindings: Bindings) => void): void {
    act(this.bindings)
    this.memory.store(WORD, this.bindings.generation | 0)
  }

  async answer(): Promise<void> {
    await this.asked.shift()?.()
  }

  #ask(position: TablePosition): Promise<RoutePage> {
    return new Promise((resolve, reject) => {
      this.asked.push(async () => {
        if (this.failure === null) resolve(structuredClone(this.bindings.since(position)))
        else reject(this.failure)
        await new Promise(setImmediate)
      })
    })
  }
}

t.test('without exchanges there is nothing to ask for', async t => {
  const { tables, asked } = new House()
  t.ok(tables.fresh)
  t.equal(tables.numberOf('x'), undefined)
  t.equal(tables.find(1, '', null), null)
  t.equal(asked.length, 0)
})

t.test(
  'a table that is behind asks once, and whoever waits is served in order, by what it asked for or newer',
  async t => {
    const house = new House()
    const { tables } = house
    const served: string[] = []
    house.changed(bindings => bindings.declare({ id: 3, name: 'x', type: 'topic', alternate: null }))
    t.notOk(tables.fresh)
    const first = tables.refresh().then(() => served.push('first'))
    const second = tables.refresh().then(() => served.push('second'))
    t.equal(house.asked.length, 1)
    // The answer is of before this change.
    const early = house.bindings.since({ seen: 0, generation: 0 })
    house.changed(bindings => bindings.bind('x', QUEUE, 'a.#'))
    const third = tables.refresh().then(() => {
      served.push('third')
      t.strictSame(tables.find(3, 'a.b', null), [QUEUE])
    })
    t.equal(house.asked.length, 1, 'one question at a time')
    house.bindings.since = () => early
    await house.answer()
    t.strictSame(served, ['first', 'second'])
    t.notOk(tables.fresh)
    delete (house.bindings as { since?: unknown }).since
    await house.answer()
    await Promise.all([first, second, third])
    t.strictSame(served, ['first', 'second', 'third'])
    t.ok(tables.fresh)
    t.equal(tables.numberOf('x'), 3)
    t.equal(house.asked.length, 0)
  },
)

t.test('a table of many pages is looked into when it has all of them, and its targets come by their ids', async t => {
  const house = new House()
  const { tables } = house
  house.changed(bindings => {
    bindings.declare({ id: 1, name: 'x', type: 'direct', alternate: null })
    for (let id = 5_000; id > 1; id--) bindings.bind('x', { kind: 'queue', name: `q${id}`, id } as never, 'k')
  })
  const done = tables.refresh()
  await house.answer()
  await house.answer()
  t.notOk(tables.fresh)
  await house.answer()
  await done
  t.ok(tables.fresh)
  const ids = tables.find(1, 'k', null)?.map(({ id }) => id)
  t.strictSame(
    ids,
    Array.from({ length: 4_999 }, (_, at) => at + 2),
  )
})

t.test('an exchange that was deleted is known no more, by its number, and one of its name has another', async t => {
  const house = new House()
  const { tables } = house
  house.changed(bindings => {
    bindings.declare({ id: 1, name: 'x', type: 'fanout', alternate: null })
    bindings.bind('x', QUEUE, '')
  })
  const refreshed = async (): Promise<void> => {
    const done = tables.refresh()
    await house.answer()
    await done
  }
  await refreshed()
  t.strictSame(tables.find(1, '', {}), [QUEUE])
  house.changed(bindings => {
    bindings.forget('x')
    bindings.declare({ id: 2, name: 'x', type: 'fanout', alternate: null })
  })
  await refreshed()
  t.equal(tables.find(1, '', null), null)
  t.strictSame(tables.find(2, '', null), [])
  t.equal(tables.numberOf('x'), 2)
})

t.test('a question that fails is told to all who wait, and the next one is asked anew', async t => {
  const house = new House()
  const { tables } = house
  house.changed(bindings => bindings.declare({ id: 1, name: 'x', type: 'fanout', alternate: null }))
  house.failure = new Error('the broker is closed')
  const waiting = [tables.refresh(), tables.refresh()]
  const told = Promise.allSettled(waiting)
  await house.answer()
  t.strictSame(
    (await told).map(({ status }) => status),
    ['rejected', 'rejected'],
  )
  t.notOk(tables.fresh)
  house.failure = null
  const again = tables.refresh()
  await house.answer()
  await again
  t.ok(tables.fresh)
})

t.test('generations beyond 2^31 are told apart by their low word', async t => {
  const house = new House()
  const { tables } = house
  const page = (generation: number): RoutePage => ({
    changes: [],
    position: { seen: generation, generation },
    restarts: false,
  })
  for (const generation of [2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 32 + 1]) {
    house.memory.store(WORD, generation | 0)
    t.notOk(tables.fresh)
    const done = tables.refresh()
    house.bindings.since = () => page(generation)
    await house.answer()
    await done
    t.ok(tables.fresh, `${generation}`)
  }
})

t.test('a table that is too far behind begins again', async t => {
  const house = new House()
  const { tables } = house
  const refreshed = async (): Promise<void> => {
    const done = tables.refresh()
    await house.answer()
    await done
  }
  house.changed(bindings => {
    bindings.declare({ id: 1, name: 'x', type: 'direct', alternate: null })
    bindings.declare({ id: 2, name: 'y', type: 'direct', alternate: null })
    bindings.bind('x', QUEUE, 'k')
  })
  await refreshed()
  house.changed(bindings => {
    bindings.forget('y')
    bindings.unbind('x', QUEUE, 'k')
    for (let n = 0; n < 9_000; n++) {
      bindings.bind('x', QUEUE, 'passing')
      bindings.unbind('x', QUEUE, 'passing')
    }
  })
  await refreshed()
  t.strictSame(tables.find(1, 'k', null), [])
  t.equal(tables.numberOf('y'), undefined)
  t.equal(tables.find(2, 'k', null), null)
})
