/** A program that writes more than the system lets it, in one call of many parts, and prints what came of it as JSON. */
import { DiskError } from './disk.ts'
import { NodeDisk } from './node-disk.ts'

const [path = ''] = process.argv.slice(2)
const file = new NodeDisk().open(path, 'create')
const parts = [1, 2, 3].map(value => new Uint8Array(3_000).fill(value))

function errnoOf(act: () => void): string | null {
  try {
    act()
    return null
  } catch (error) {
    return error instanceof DiskError ? `${error.operation} ${error.errno}` : String(error)
  }
}

const many = errnoOf(() => file.write(parts, 0))
const size = file.size()
const one = errnoOf(() => file.write([new Uint8Array(9_000)], 0))
const within = errnoOf(() => file.write(parts.slice(0, 1), 0))
file.close()
console.log(JSON.stringify({ many, size, one, within }))
