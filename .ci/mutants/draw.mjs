/**
 * Faults that are chosen by chance, and by nobody who knows what the tests look at: spread over the rooms and the folders
 * of the runtime by their lines, then any line in which something can be broken, then any way to break it. What the
 * compiler would find is drawn again. The same seed on the same sources draws the same.
 */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { faultsIn, plant } from './operators.mjs'
import { shippedSources } from './sources.mjs'
import { typeChecker } from './types.mjs'

const ROOMS = ['ring', 'actors', 'runtime']
/** So often a room draws for each of its faults before it has none to offer. */
const DRAWS_MAX = 200

/** Numbers from 0 to below `n`, from a seed. */
function chanceOf(seed) {
  let state = seed >>> 0
  return n => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * n)
  }
}

/** How many of `count` fall to each folder, by its lines; what is left by rounding goes where most was cut off. */
function spread(folders, count) {
  const total = folders.reduce((sum, { lines }) => sum + lines, 0)
  const shares = folders.map(folder => ({ folder, exact: (count * folder.lines) / total }))
  const counts = new Map(shares.map(({ folder, exact }) => [folder, Math.floor(exact)]))
  const left = count - [...counts.values()].reduce((sum, each) => sum + each, 0)
  const byRest = shares.sort((a, b) => (b.exact % 1) - (a.exact % 1))
  for (const { folder } of byRest.slice(0, left)) counts.set(folder, counts.get(folder) + 1)
  return counts
}

function readFolders(root) {
  const folders = new Map()
  for (const path of ROOMS.flatMap(room => shippedSources(root, room))) {
    const text = readFileSync(join(root, path), 'utf8')
    const name = dirname(path)
    const folder = folders.get(name) ?? { name, lines: 0, places: new Map() }
    folder.lines += text.split('\n').length
    // One place a line, so that a line in which much can be broken is not drawn more often.
    for (const fault of faultsIn(path, text)) {
      const key = `${path}:${fault.line}`
      folder.places.set(key, [...(folder.places.get(key) ?? []), { file: path, ...fault }])
    }
    folders.set(name, folder)
  }
  return [...folders.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** `count` faults, each with `id`, `file` and what `faultsIn` says of it. */
export function draw(root, count, seed) {
  const chance = chanceOf(seed)
  const folders = readFolders(root)
  const fits = typeChecker(
    root,
    ROOMS.flatMap(room => shippedSources(root, room)),
  )
  const drawn = []
  for (const [{ places }, wanted] of spread(folders, count)) {
    const lines = [...places.values()]
    for (let taken = 0, draws = 0; taken < wanted && lines.length > 0 && draws < wanted * DRAWS_MAX; draws++) {
      const at = chance(lines.length)
      const operators = [...new Set(lines[at].map(({ operator }) => operator))]
      const operator = operators[chance(operators.length)]
      const ways = lines[at].filter(each => each.operator === operator)
      const fault = ways[chance(ways.length)]
      if (!fits(fault.file, plant(readFileSync(join(root, fault.file), 'utf8'), fault))) continue
      lines.splice(at, 1)
      drawn.push({ id: `${seed}-${String(drawn.length + 1).padStart(3, '0')}`, ...fault })
      taken += 1
    }
  }
  return drawn
}
