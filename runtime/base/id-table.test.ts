import t from 'tap'
import { IdPages } from './id-room.ts'
import { IdTable } from './id-table.ts'

/** A hash whose words need not be random: `near` of them share their slot of the index. */
function hashOf(id: number, near: number): Int32Array {
  return Int32Array.of(Math.imul(Math.floor(id / near), 0x9e37_79b1), 7, id, -1)
}

function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    return (state >>> 0) / 2 ** 32
  }
}

function tableOf(most: number, keepMs: number) {
  const room = new IdPages()
  return { room, table: new IdTable(room, keepMs, most) }
}

/** What a list says, gone through from its end. */
class Oracle {
  readonly ids: { readonly id: number; readonly offset: number; timeMs: number }[] = []
  forgotten = 0
  readonly #most: number
  readonly #keepMs: number

  constructor(most: number, keepMs: number) {
    this.#most = most
    this.#keepMs = keepMs
  }

  find(id: number, nowMs: number): number {
    const found = this.ids.findLast(each => each.id === id)
    return found !== undefined && nowMs - found.timeMs < this.#keepMs ? found.offset : -1
  }

  add(id: number, offset: number, nowMs: number): void {
    for (let left = 4; left > 0 && this.ids[0] !== undefined && this.#isOver(nowMs); left--) this.ids.shift()
    if (this.ids.length === this.#most) {
      if (!this.#isOver(nowMs)) this.forgotten++
      this.ids.shift()
    }
    this.ids.push({ id, offset, timeMs: nowMs })
  }

  #isOver(nowMs: number): boolean {
    return nowMs - (this.ids[0]?.timeMs ?? 0) >= this.#keepMs
  }
}

t.test('it knows what a list of the ids would', async t => {
  const differences: string[] = []
  const seen = { found: 0, added: 0, again: 0, withdrawn: 0, cut: 0, rebuilt: 0, forgotten: 0 }
  for (let seed = 1; seed <= 300; seed++) {
    const chance = seeded(seed)
    const below = (limit: number): number => Math.floor(chance() * limit)
    const [most, keepMs, near, ids] = [1 + below(600), 1 + below(400), 1 + below(20), 1 + below(900)]
    const { room, table: first } = tableOf(most, keepMs)
    let table = first
    const oracle = new Oracle(most, keepMs)
    let nowMs = 0
    let offset = 0
    for (let step = 0; step < 2_000; step++) {
      if (chance() < 0.5) nowMs += below(3)
      const id = below(ids)
      const words = hashOf(id, near)
      const found = table.find(words, 0, nowMs)
      if (found !== oracle.find(id, nowMs)) differences.push(`seed ${seed}, step ${step}: id ${id} is at ${found}`)
      if (found !== -1) {
        seen.found++
        continue
      }
      if (oracle.ids.some(each => each.id === id)) seen.again++
      table.add(words, 0, offset, nowMs)
      oracle.add(id, offset++, nowMs)
      seen.added++
      const what = chance()
      if (what < 0.1) {
        table.withdraw()
        oracle.ids.pop()
        seen.withdrawn++
      } else if (what < 0.11) {
        const end = Math.max(0, offset - below(50))
        table.cut(end)
        while ((oracle.ids.at(-1)?.offset ?? -1) >= end) oracle.ids.pop()
        seen.cut++
      } else if (what < 0.13) {
        // Another thread goes on with the room.
        table = new IdTable(room, keepMs, most)
        seen.rebuilt++
      }
    }
    seen.forgotten += oracle.forgotten
    const sizes = [table.size, room.forgotten]
    if (sizes[0] !== oracle.ids.length || sizes[1] !== oracle.forgotten)
      differences.push(`seed ${seed}: ${sizes}, not ${[oracle.ids.length, oracle.forgotten]}`)
  }
  t.strictSame(differences.slice(0, 5), [])
  t.ok(
    Object.values(seen).every(count => count > 100),
    `each was tried: ${JSON.stringify(seen)}`,
  )
})

t.test('what was pushed aside by another is found when that is gone', async t => {
  const { table } = tableOf(100, 1_000)
  for (const id of [0, 1, 2]) table.add(hashOf(id, 3), 0, 10 + id, 0)
  table.forgetTo(1)
  t.strictSame(
    [0, 1, 2].map(id => table.find(hashOf(id, 3), 0, 0)),
    [-1, 11, 12],
  )
})

t.test('hashes are one if they are the same to their last bit', async t => {
  const { table } = tableOf(100, 1_000)
  const words = Int32Array.of(1, 2, 3, 4)
  table.add(words, 0, 5, 0)
  t.equal(table.find(words, 0, 0), 5)
  for (let bit = 0; bit < 128; bit++) {
    const other = Int32Array.from(words)
    other[bit >> 5]! ^= 1 << (bit & 31)
    if (table.find(other, 0, 0) !== -1) t.fail(`bit ${bit} makes no difference`)
  }
})

t.test('an id is known until its time is over, and not longer', async t => {
  const { table } = tableOf(100, 50)
  table.add(hashOf(1, 1), 0, 3, 1_000)
  t.equal(table.find(hashOf(1, 1), 0, 1_049), 3)
  t.equal(table.find(hashOf(1, 1), 0, 1_050), -1)
  table.add(hashOf(1, 1), 0, 9, 1_050)
  t.equal(table.find(hashOf(1, 1), 0, 1_099), 9)
})

t.test('no id is from the future of a clock that was set back', async t => {
  const { table } = tableOf(100, 10_000)
  for (const [id, timeMs] of [
    [1, 900],
    [2, 5_000],
    [3, 6_000],
  ] as const)
    table.add(hashOf(id, 1), 0, id, timeMs)
  table.noneAfter(920)
  table.keepMs = 50
  const known = (nowMs: number): number[] => [1, 2, 3].map(id => table.find(hashOf(id, 1), 0, nowMs))
  t.strictSame(known(949), [1, 2, 3])
  t.strictSame(known(950), [-1, 2, 3])
  t.strictSame(known(970), [-1, -1, -1])
})

t.test(
  'one that is added at an earlier time makes none before it newer: a file says them in the order of their times',
  async t => {
    const { room, table } = tableOf(10, 10_000)
    for (const [id, timeMs] of [
      [1, 100],
      [2, 5_000],
      [3, 5_000],
      [4, 700],
      [5, 701],
    ] as const)
      table.add(hashOf(id, 1), 0, id, timeMs)
    t.strictSame(
      Array.from({ length: 5 }, (_, at) => table.timeOf(room.first + at)),
      [100, 700, 700, 700, 701],
    )
    t.equal(table.find(hashOf(2, 1), 0, 10_699), 2)
    t.equal(table.find(hashOf(2, 1), 0, 10_700), -1)
  },
)

t.test('pages in which all is forgotten are given back', async t => {
  const { room, table } = tableOf(2_000, Number.POSITIVE_INFINITY)
  for (let id = 0; id < 50_000; id++) table.add(hashOf(id, 1), 0, id, id)
  t.equal(table.size, 2_000)
  t.equal(room.forgotten, 48_000)
  t.ok(room.bytes <= 3 * 1_024 * 32, `${room.bytes} bytes`)
  table.forgetTo(room.end)
  t.equal(table.size, 0)
  t.ok(room.bytes <= 1_024 * 32)
})

t.test('an id costs less than 60 bytes', async t => {
  const { room, table } = tableOf(1_000_000, Number.POSITIVE_INFINITY)
  const random = seeded(5)
  const word = (): number => (random() * 2 ** 32) | 0
  for (const many of [1_000, 20_000, 200_000, 300_000]) {
    while (table.size < many) table.add(Int32Array.of(word(), word(), table.size, 0), 0, table.size, 0)
    if (many === 1_000) continue
    const each = (room.bytes + table.indexBytes) / many
    t.ok(each < 60, `${each} bytes of each of ${many}`)
  }
})
