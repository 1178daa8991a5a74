/** Tables that follow a log of changes by pages, however far behind they are, come to have what exists. */
import t from 'tap'
import type { RouteChange, TablePosition } from '../wire/route-changes.ts'
import { Draw } from './random-exchanges.fixture.ts'
import { PAGE_CHANGES_MAX, RouteLog } from './route-log.ts'

const EMPTY: TablePosition = { seen: 0, generation: 0 }

function made(name: string): RouteChange & { readonly kind: 'bind' } {
  return { kind: 'bind', exchange: 'x', target: { kind: 'queue', name }, by: '' }
}

/** The names that a table has; each change must fit what it has. */
class Table {
  readonly names = new Set<string>()
  position = EMPTY
  restarts = 0
  pages = 0

  /** One page; false: it lacks nothing more. */
  take(log: RouteLog): boolean {
    const { changes, position, restarts } = log.since(this.position)
    if (restarts) {
      this.names.clear()
      this.restarts++
    }
    if (changes.length > PAGE_CHANGES_MAX) throw new Error('a page is too large')
    for (const change of changes) {
      const { name } = (change as { target: { name: string } }).target
      if (this.names.has(name) === (change.kind === 'bind')) throw new Error(`${change.kind} ${name} does not fit`)
      if (change.kind === 'bind') this.names.add(name)
      else this.names.delete(name)
    }
    this.position = position
    this.pages++
    return position.seen !== position.generation
  }
}

class Changed {
  readonly log = new RouteLog()
  readonly exists = new Map<string, number>()

  make(name: string): void {
    this.exists.set(name, this.log.make(made(name)))
  }

  remove(name: string): void {
    const { exchange, target, by } = made(name)
    this.log.remove(this.exists.get(name) as number, { kind: 'unbind', exchange, target, by })
    this.exists.delete(name)
  }
}

t.test('tables have what exists, whatever is made and gone between two of their pages', async t => {
  let [restarts, pages] = [0, 0]
  for (let seed = 1; seed <= 4; seed++) {
    const draw = new Draw(seed)
    const truth = new Changed()
    const tables = Array.from({ length: 6 }, () => new Table())
    for (let step = 0; step < 30; step++) {
      const count = draw.below(draw.below(2) === 0 ? 9_000 : 60)
      for (let i = 0; i < count; i++) {
        const name = `${draw.below(6_000)}`
        if (truth.exists.has(name)) truth.remove(name)
        else truth.make(name)
      }
      for (const table of tables) if (draw.below(8) === 0) table.take(truth.log)
      const table = draw.of(tables)
      while (table.take(truth.log));
      const wrong = [...truth.exists.keys()].filter(name => !table.names.has(name))
      if (wrong.length > 0 || table.names.size !== truth.exists.size) t.fail(`seed ${seed}, step ${step}: ${wrong}`)
      t.equal(truth.log.size, truth.exists.size)
    }
    for (const table of tables) {
      restarts += table.restarts
      pages += table.pages
    }
  }
  t.ok(restarts > 20 && pages > 300, `${restarts} restarts, ${pages} pages`)
})

t.test('what came and went meanwhile is not told, and a table that lacks nothing is told nothing', async t => {
  const truth = new Changed()
  truth.make('a')
  const table = new Table()
  t.notOk(table.take(truth.log))
  truth.make('b')
  truth.remove('b')
  truth.make('b')
  truth.remove('a')
  const { changes, position } = truth.log.since(table.position)
  t.strictSame(
    changes.map(({ kind }) => kind),
    ['unbind', 'bind'],
  )
  t.strictSame(position, { seen: 5, generation: 5 })
  t.strictSame(truth.log.since(position), { changes: [], position, restarts: false })
})

t.test('a table that misses more than is known of what is gone begins again', async t => {
  const truth = new Changed()
  truth.make('kept')
  const table = new Table()
  table.take(truth.log)
  const early = table.position
  for (let i = 0; i < 8_191; i++) {
    truth.make('passing')
    truth.remove('passing')
  }
  t.notOk(truth.log.since(early).restarts)
  truth.make('passing')
  truth.remove('passing')
  t.match(truth.log.since(early), { restarts: true, changes: [made('kept')] })
})
