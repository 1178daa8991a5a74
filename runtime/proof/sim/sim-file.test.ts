import t from 'tap'
import { Chance } from './chance.ts'
import { type Fate, PIECE_BYTES, SimFile } from './sim-file.ts'

const HALF: Fate = { survives: 0.5, tears: 0.5 }
const SEEDS = 400

function filled(value: number, bytes: number): Uint8Array {
  return new Uint8Array(bytes).fill(value)
}

function bytesOf(file: SimFile): Uint8Array {
  const bytes = new Uint8Array(file.size)
  file.read(bytes, 0)
  return bytes
}

/** What is left of a file after a loss of power, for each of many seeds. */
function cuts(make: () => SimFile, fate: Fate = HALF): Uint8Array[] {
  return Array.from({ length: SEEDS }, (_, seed) => {
    const file = make()
    file.powerCut(new Chance(seed), fate)
    return bytesOf(file)
  })
}

/** `n` new bytes, `o` old ones: the runs of one piece, such as `no` for one that is torn. */
function runsOf(piece: Uint8Array, values: Readonly<Record<number, string>>): string {
  return [...piece]
    .map(value => values[value] ?? '?')
    .join('')
    .replace(/(.)\1+/g, '$1')
}

function overwritten(): SimFile {
  const file = new SimFile()
  file.write([filled(1, 3 * PIECE_BYTES)], 0, 3 * PIECE_BYTES)
  file.sync()
  file.write([filled(2, 3 * PIECE_BYTES)], 0, 3 * PIECE_BYTES)
  return file
}

t.test('an overwritten piece has its new bytes, its old ones, or new ones before old ones', async t => {
  const seen = new Set<string>()
  const tears = new Set<number>()
  const together = new Set<string>()
  for (const bytes of cuts(overwritten)) {
    t.equal(bytes.length, 3 * PIECE_BYTES)
    const pieces = [0, 1, 2].map(number => bytes.subarray(number * PIECE_BYTES, (number + 1) * PIECE_BYTES))
    const runs = pieces.map(piece => runsOf(piece, { 1: 'o', 2: 'n' }))
    for (const run of runs) seen.add(run)
    together.add(runs.join(' '))
    for (const piece of pieces) if (piece[0] !== piece.at(-1)) tears.add(piece.indexOf(1))
  }
  t.strictSame([...seen].sort(), ['n', 'no', 'o'])
  t.equal(together.size, 27, 'each piece independently of the others')
  t.ok(tears.size > 100, 'torn anywhere')
})

t.test('fates of all or nothing spare and take all', async t => {
  for (const bytes of cuts(overwritten, { survives: 1, tears: 1 })) t.ok(bytes.every(value => value === 2))
  for (const bytes of cuts(overwritten, { survives: 0, tears: 0 })) t.ok(bytes.every(value => value === 1))
})

t.test('a piece whose write did not reach the disk is zero beyond the old end', async t => {
  const make = (): SimFile => {
    const file = new SimFile()
    file.write([filled(1, 100)], 0, 100)
    file.sync()
    file.write([filled(2, 1_400)], 100, 1_400)
    return file
  }
  const sizes = new Set<number>()
  const firsts = new Set<string>()
  const seconds = new Set<string>()
  for (const bytes of cuts(make)) {
    sizes.add(bytes.length)
    t.ok(bytes.length >= 100 && bytes.length <= 1_500)
    t.ok(
      bytes.subarray(0, 100).every(value => value === 1),
      'the old bytes of the piece are not in danger',
    )
    if (bytes.length < 1_024) continue
    firsts.add(runsOf(bytes.subarray(100, 512), { 0: 'z', 2: 'n' }))
    seconds.add(runsOf(bytes.subarray(512, 1_024), { 0: 'z', 2: 'n' }))
  }
  t.strictSame([...firsts].sort(), ['n', 'nz', 'z'])
  t.strictSame([...seconds].sort(), ['n', 'nz', 'z'])
  t.ok(sizes.has(100) && sizes.has(1_500) && sizes.size > 50, 'the size is the old one, the new one, or between')
})

t.test('what was synced is there', async t => {
  const make = (): SimFile => {
    const file = overwritten()
    file.sync()
    return file
  }
  t.ok(make().isDurable)
  for (const bytes of cuts(make)) t.ok(bytes.length === 1_536 && bytes.every(value => value === 2))
})

t.test('what a cut left is durable', async t => {
  for (let seed = 0; seed < SEEDS; seed++) {
    const file = overwritten()
    const chance = new Chance(seed)
    file.powerCut(chance, HALF)
    const left = bytesOf(file)
    t.ok(file.isDurable)
    file.powerCut(chance, HALF)
    t.equal(Buffer.compare(bytesOf(file), left), 0)
  }
})

t.test('what was cut off may come back, under what was written since', async t => {
  const make = (): SimFile => {
    const file = overwritten()
    file.sync()
    file.truncate(600)
    file.write([filled(3, 100)], 1_100, 100)
    return file
  }
  const seen = new Set<string>()
  const sizes = new Set<number>()
  for (const bytes of cuts(make)) {
    sizes.add(bytes.length)
    seen.add(runsOf(bytes.subarray(512, 1_200), { 0: 'z', 2: 'o', 3: 'n' }))
  }
  for (const runs of ['ozn', 'o', 'ozno', 'ozozn']) t.ok(seen.has(runs), runs)
  t.ok(sizes.has(1_536) && sizes.has(1_200) && Math.min(...sizes) >= 600 && Math.min(...sizes) < 700)
})

t.test('a background sync covers what was written before it was begun, and only that', async t => {
  const make = (isCompleted: boolean) => (): SimFile => {
    const file = overwritten()
    const layer = file.beginSync()
    file.write([filled(3, 2 * PIECE_BYTES)], PIECE_BYTES, 2 * PIECE_BYTES)
    file.write([filled(3, 10)], 3 * PIECE_BYTES, 10)
    if (isCompleted) file.completeSync(layer)
    return file
  }
  const seenOf = (isCompleted: boolean): string[][] => {
    const files = cuts(make(isCompleted))
    return [0, 1].map(number => {
      const pieces = files.map(bytes => bytes.subarray(number * PIECE_BYTES, (number + 1) * PIECE_BYTES))
      return [...new Set(pieces.map(piece => runsOf(piece, { 1: 'o', 2: 'c', 3: 'n' })))].sort()
    })
  }
  t.strictSame(seenOf(true), [['c'], ['c', 'n', 'nc']])
  t.strictSame(seenOf(false), [
    ['c', 'co', 'o'],
    ['c', 'n', 'nc', 'no', 'o'],
  ])
  t.ok(cuts(make(true)).some(({ length }) => length === 1_536))
})

t.test('background syncs complete in any order, and after a sync that was faster', async t => {
  const file = overwritten()
  const first = file.beginSync()
  file.write([filled(3, 5)], 0, 5)
  const second = file.beginSync()
  file.write([filled(4, 5)], 600, 5)
  file.completeSync(second)
  file.completeSync(first)
  t.notOk(file.isDurable)
  file.powerCut(new Chance(1), { survives: 0, tears: 0 })
  t.strictSame([...bytesOf(file).subarray(0, 6)], [3, 3, 3, 3, 3, 2])
  t.equal(bytesOf(file)[600], 2)
  const third = file.beginSync()
  file.write([filled(5, 5)], 0, 5)
  file.sync()
  file.completeSync(third)
  t.ok(file.isDurable)
  file.powerCut(new Chance(1), { survives: 0, tears: 0 })
  t.equal(bytesOf(file)[0], 5)
})

t.test('no byte is what it was not since it was last durable', async t => {
  let differing = 0
  for (let seed = 0; seed < 2_000; seed++) {
    const chance = new Chance(seed)
    const file = new SimFile()
    // All that the file has been since it was durable; the current one is the last.
    let images: Uint8Array[] = [new Uint8Array()]
    const underWay: { readonly layer: ReturnType<SimFile['beginSync']>; readonly since: Uint8Array }[] = []
    for (let count = chance.below(14); count >= 0; count--) {
      const kind = chance.below(10)
      const now = images.at(-1) as Uint8Array
      if (kind < 6) {
        const bytes = filled(count + 1, chance.below(chance.pick([20, 1_500])))
        const position = chance.below(chance.pick([now.length + 1, 2_000]))
        if (bytes.length === 0) continue
        file.write([bytes], position, bytes.length)
        const next = new Uint8Array(Math.max(now.length, position + bytes.length))
        next.set(now)
        next.set(bytes, position)
        images.push(next)
      } else if (kind === 6) {
        const size = chance.below(2_000)
        file.truncate(size)
        const next = new Uint8Array(size)
        next.set(now.subarray(0, size))
        images.push(next)
      } else if (kind === 7) {
        file.sync()
        images = [now]
      } else if (kind === 8) underWay.push({ layer: file.beginSync(), since: now })
      else if (underWay.length > 0) {
        const [{ layer, since } = { layer: undefined, since: now }] = underWay.splice(chance.below(underWay.length), 1)
        if (layer !== undefined) file.completeSync(layer)
        if (images.includes(since)) images = images.slice(images.indexOf(since))
      }
    }
    const now = images.at(-1) as Uint8Array
    if (Buffer.compare(bytesOf(file), now) !== 0) t.fail(`seed ${seed}: reads what was not written`)
    file.powerCut(chance, { survives: chance.pick([0, 0.5]), tears: 0.5 })
    const left = bytesOf(file)
    const sizes = images.map(({ length }) => length)
    if (left.length < Math.min(...sizes) || left.length > Math.max(...sizes))
      t.fail(`seed ${seed}: size ${left.length}`)
    const wrong = left.findIndex((value, at) => !images.some(image => (image[at] ?? 0) === value))
    if (wrong >= 0) t.fail(`seed ${seed}: byte ${wrong} is ${left[wrong]}`)
    if (Buffer.compare(left, now) !== 0) differing++
  }
  t.ok(differing > 1_000, `${differing} of 2000 lost something`)
})
