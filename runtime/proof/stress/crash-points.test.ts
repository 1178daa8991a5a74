/** Points at which processes are killed name functions that there are: a name that was changed would never be passed. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { repositoryRoot } from '../fixtures/repository.fixture.ts'
import { POINTS } from './crash-points.fixture.ts'
import { QUEUE_CRASH_POINTS } from './queue-crash-points.fixture.ts'

const root = repositoryRoot()
const ROOMS = ['runtime/log', 'runtime/control', 'runtime/host', 'actors'] as const

t.test('every function that a crash point names is one of the rooms that write', async t => {
  const sources = ROOMS.flatMap(room =>
    readdirSync(join(root, room), { recursive: true, encoding: 'utf8' })
      .filter(file => file.endsWith('.ts') && !/\.(test|fixture)\.ts$/.test(file))
      .map(file => readFileSync(join(root, room, file), 'utf8')),
  )
  const names = [...new Set([...POINTS, ...QUEUE_CRASH_POINTS].flatMap(({ call }) => call?.within ?? []))]
  t.ok(names.length > 10)
  for (const name of names) {
    const [method = name, owner] = name.split('.').reverse()
    const isThere = sources.some(
      text => text.includes(`${method}(`) && (owner === undefined || text.includes(`class ${owner}`)),
    )
    t.ok(isThere, name)
  }
})
