/** Keys, their lists and their turns against naive models. */
import t from 'tap'
import { NumberPages } from '../base/number-pages.ts'
import { OffsetsByPriority } from '../base/offsets-by-priority.ts'
import { PagePool } from '../base/page-pool.ts'
import { Chance } from '../proof/sim/chance.ts'
import { DueOrder } from './due-order.ts'
import { KeyGate } from './key-gate.ts'
import { KeyLinks } from './key-links.ts'
import { KeyTable } from './key-table.ts'
import type { QueuePolicy } from './queue-words.ts'

const SEEDS = 8

t.test('links lead to both neighbours, however far away, also after a middle one has left', async t => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const chance = new Chance(seed)
    const links = new KeyLinks()
    const lists: number[][] = [[], [], []]
    const used = new Set<number>()
    for (let step = 0; step < 300; step++) {
      const list = chance.pick(lists)
      const offset = chance.pick([0, 500, 2 ** 31 - 20, 2 ** 32, 2 ** 33, 2 ** 45]) + chance.below(30)
      if (!used.has(offset) && chance.happens(0.6)) {
        links.add(offset, list.at(-1) ?? -1)
        list.push(offset)
        used.add(offset)
      } else if (list.length > 0) {
        const [gone] = list.splice(chance.below(list.length), 1) as [number]
        links.remove(gone)
        used.delete(gone)
      }
      for (const each of lists)
        for (const [at, member] of each.entries()) {
          if (links.before(member) !== (each[at - 1] ?? -1)) t.fail(`seed ${seed}: before ${member}`)
          if (links.behind(member) !== (each[at + 1] ?? -1)) t.fail(`seed ${seed}: behind ${member}`)
        }
      if (links.has(offset) !== used.has(offset)) t.fail(`seed ${seed}: ${offset}`)
    }
    t.ok(used.size > 0, `seed ${seed}`)
  }
})

t.test('a table of keys finds each that has messages, and no other', async t => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const chance = new Chance(seed)
    const table = new KeyTable()
    const model = new Map<number, number>()
    for (let step = 0; step < 2_000; step++) {
      // Hashes of few buckets as well.
      const hash = chance.happens(0.5) ? chance.below(200) : (chance.below(200) * 0x0100_0000 + 0xffff) >>> 0
      const entry = table.find(hash)
      if (entry !== (model.get(hash) ?? -1)) t.fail(`seed ${seed}: ${hash}`)
      if (entry === -1) {
        const added = table.add(hash)
        if (table.turns[added] !== 0 || table.first[added] !== -1) t.fail(`seed ${seed}: ${hash} is not empty`)
        model.set(hash, added)
      } else if (chance.happens(0.6)) {
        table.remove(entry)
        model.delete(hash)
      }
      if (table.size !== model.size) t.fail(`seed ${seed}: ${table.size} keys`)
    }
    t.ok(model.size > 0, `seed ${seed}`)
  }
})

t.test('a table that had many keys gives its memory back with the last one', async t => {
  const table = new KeyTable()
  for (let hash = 0; hash < 10_000; hash++) table.add(hash)
  t.ok(table.turns.length >= 10_000)
  for (let hash = 0; hash < 10_000; hash++) table.remove(table.find(hash))
  t.ok(table.turns.length < 1_000)
  t.equal(table.find(7), -1)
  t.equal(table.find(7), -1)
  table.add(7)
  t.not(table.find(7), -1)
})

t.test('pages of numbers keep what was set last', async t => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const chance = new Chance(seed)
    const pages = new NumberPages()
    const model = new Map<number, number>()
    const found: number[] = []
    const expected: number[] = []
    for (let step = 0; step < 1_000; step++) {
      const number = chance.pick([0, 511, 2 ** 32, 2 ** 50]) + chance.below(4)
      if (chance.happens(0.5)) {
        pages.set(number, step + 1)
        model.set(number, step + 1)
      } else {
        found.push(pages.delete(number))
        expected.push(model.get(number) ?? 0)
        model.delete(number)
      }
      for (const at of [0, 1, 512, 2 ** 32, 2 ** 50 + 1]) {
        found.push(pages.get(at))
        expected.push(model.get(at) ?? 0)
      }
    }
    t.strictSame(found, expected, `seed ${seed}`)
  }
})

t.test('sets by priority know the highest one and the oldest of the lowest', async t => {
  const sets = new OffsetsByPriority(32, new PagePool())
  t.equal(sets.highest, -1)
  t.equal(sets.oldestOfLowest(), null)
  for (const [offset, priority] of [
    [9, 31],
    [7, 3],
    [5, 3],
    [1, 31],
  ] as const)
    sets.add(offset, priority)
  t.equal(sets.highest, 31)
  t.equal(sets.size, 4)
  t.same(sets.oldestOfLowest(), { offset: 5, priority: 3 })
  t.ok(sets.remove(5, 3))
  t.notOk(sets.remove(5, 3))
  sets.remove(7, 3)
  t.same(sets.oldestOfLowest(), { offset: 1, priority: 31 })
})

const POLICY = { keyConcurrency: 2, priorities: 2, onFull: 'dropHead' } as QueuePolicy

t.test('so many of a key have their turn, and the others wait in the order in which they came', async t => {
  const keys = [5, 5, 5, 0, 5, 9]
  const log = {
    keyOf: (offset: number) => keys[offset] ?? 0,
    priorityOf: (offset: number) => offset % 2,
    bytesOf: () => 1,
  }
  const gate = new KeyGate(
    POLICY,
    { ...log, dueMsOf: () => 0, expiresMsOf: () => Infinity },
    new PagePool(),
    new DueOrder(),
  )
  const entered = keys.map((key, offset) => gate.enter(key, offset, offset % 2))
  t.same(entered, [true, true, false, true, false, true])
  t.same([gate.size, gate.countOf(0), gate.countOf(1)], [2, 2, 0])
  t.same([gate.has(2), gate.has(0), gate.has(3)], [true, false, false])
  t.same(gate.oldestOfLowest(), { offset: 2, priority: 0 })
  t.equal(gate.leave(0), -1)
  t.equal(gate.leave(5), 2)
  gate.remove(5, 4, 0)
  t.equal(gate.leave(5), -1)
  t.equal(gate.leave(5), -1)
  t.equal(gate.leave(9), -1)
  t.same([gate.size, gate.oldestOfLowest()], [0, null])
})
