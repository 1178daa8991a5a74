/** Entries by kind are as a map has them, and those of a kind are the ones whose keys begin with it. */
import t from 'tap'
import { EntriesByKind } from './entries-by-kind.ts'

const KEYS = ['ids', 'topic/a', 'topic/b', 'group/1/x', 'group/1/y', 'binding/1/q2/k', '/odd', 'topic/', '__proto__']

for (const isSorted of [true, false])
  t.test(`told apart: ${isSorted}`, async t => {
    const entries = new EntriesByKind<number>(isSorted)
    const map = new Map<string, number>()
    for (let step = 0; step < 400; step++) {
      const key = KEYS[(step * 7) % KEYS.length] as string
      if (step % 3 === 1) {
        entries.delete(key)
        map.delete(key)
      } else {
        entries.set(key, step)
        map.set(key, step)
      }
      t.equal(entries.size, map.size)
      t.equal(entries.get(key), map.get(key))
      t.equal(entries.has(key), map.has(key))
    }
    t.ok(map.size > 3)
    t.strictSame(new Map(entries.entries()), map)
    t.strictSame([...entries.values()].sort(), [...map.values()].sort())
    if (!isSorted) return
    for (const kind of ['', 'topic/', 'group/', '/', 'none/'])
      t.strictSame(
        [...entries.entries(kind)],
        [...map].filter(([key]) => key.slice(0, key.indexOf('/') + 1) === kind),
        kind,
      )
  })
