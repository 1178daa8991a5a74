/** When the frames of one turn are sealed: with few writers at once, with many when what is published behind is in them as well. */
import t from 'tap'
import { OpenFrames } from './open-frames.ts'
import type { RingWriter } from './ring-writer.ts'
import type { ThreadLink } from './thread-link.ts'

interface House {
  readonly frames: OpenFrames
  readonly writers: readonly RingWriter[]
  /** What was done, in order. */
  readonly told: string[]
}

function houseOf(count: number, hosts = 1): House {
  const told: string[] = []
  const links = Array.from({ length: hosts }, (_, host) => {
    const link = {
      hint: (ring: number) => told.push(`hint ${ring}`),
      ring: () => told.push(`ring host ${host}`),
      endNap: () => told.push('end nap'),
    }
    return link as unknown as ThreadLink
  })
  const writers = Array.from({ length: count }, (_, ring) => {
    const writer = { ring, host: ring % hosts, dirty: false, isAnswered: false, seal: () => told.push(`seal ${ring}`) }
    return writer as unknown as RingWriter
  })
  return { frames: new OpenFrames(links), writers, told }
}

function publish({ frames, writers }: House, isInTurn = false): void {
  for (const writer of writers) if (!writer.dirty) frames.mark(writer, isInTurn)
}

/** Publishes in so many microtasks, one after the other, and returns how many frames were sealed. */
async function sealedOf(house: House, batches: number): Promise<number> {
  for (let batch = 0; batch < batches; batch++) {
    publish(house)
    await undefined
  }
  await new Promise(setImmediate)
  return house.told.filter(each => each.startsWith('seal')).length
}

t.test('a frame of few writers is sealed in its own microtask, and its host is told', async t => {
  const house = houseOf(1)
  publish(house)
  t.strictSame(house.told, [])
  await undefined
  t.strictSame(house.told, ['seal 0', 'hint 0', 'ring host 0'])
  t.equal(await sealedOf(houseOf(7), 5), 7 * 5)
})

t.test('a host that naps goes on when the event loop comes round and nothing more was published', async t => {
  const house = houseOf(1)
  publish(house)
  await undefined
  publish(house)
  await undefined
  t.notOk(house.told.includes('end nap'))
  await new Promise(setImmediate)
  t.strictSame(house.told.splice(0).slice(-1), ['end nap'])
  await new Promise(setImmediate)
  t.strictSame(house.told, [], 'once')
  publish(house)
  await undefined
  house.told.length = 0
  for (const writer of house.writers) house.frames.mark(writer, true)
  await new Promise(setImmediate)
  t.strictSame(house.told, [], 'there is more to come')
})

t.test('where there are many writers, batches that follow each other share frames', async t => {
  t.equal(await sealedOf(houseOf(8), 2), 8)
  t.equal(await sealedOf(houseOf(64), 16), 64)
  t.equal(await sealedOf(houseOf(256), 32), 256)
  t.ok((await sealedOf(houseOf(1_024), 66)) >= 2 * 1_024, 'a turn that does not end holds nothing back for ever')
})

t.test('what is asked to be sealed is sealed at once, and later frames wait as ever', async t => {
  const house = houseOf(64)
  publish(house)
  house.frames.seal()
  t.equal(house.told.length, 64 * 2 + 1)
  house.frames.seal()
  t.equal(house.told.length, 64 * 2 + 1, 'nothing is left')
  t.equal(await sealedOf(house, 1), 128)
})

t.test('each host is rung once, behind all hints, however many of its partitions were written to', t => {
  const { frames, writers, told } = houseOf(5, 3)
  for (const writer of writers.slice(0, 2)) frames.mark(writer, true)
  frames.seal()
  t.strictSame(told.splice(0), ['seal 0', 'seal 1', 'hint 0', 'hint 1', 'ring host 0', 'ring host 1'])
  for (const writer of writers.slice(2)) frames.mark(writer, true)
  frames.seal()
  const rung = told.splice(0).slice(6)
  t.strictSame(rung, ['ring host 0', 'ring host 1', 'ring host 2'], 'ring 2 is of host 2, 3 of 0, 4 of 1')
  frames.mark(writers[4] as RingWriter, true)
  frames.seal()
  t.strictSame(told, ['seal 4', 'hint 4', 'ring host 1'])
  t.end()
})

t.test('within a turn of the thread nothing is scheduled', async t => {
  const house = houseOf(3)
  publish(house, true)
  await new Promise(setImmediate)
  t.strictSame(house.told, [])
})

t.test('hosts are told of each 32 KiB that are published within a turn, and the writers stay marked', async t => {
  const { frames, writers, told } = houseOf(2)
  for (const writer of writers) frames.mark(writer, true)
  frames.publishedEarly(32_767)
  t.strictSame(told, [])
  frames.publishedEarly(1)
  t.strictSame(told.splice(0), ['hint 0', 'hint 1', 'ring host 0'])
  t.ok(writers.every(({ dirty }) => dirty))
  frames.publishedEarly(32_767)
  frames.seal()
  t.strictSame(told.splice(0), ['seal 0', 'seal 1', 'hint 0', 'hint 1', 'ring host 0'])
  frames.publishedEarly(1)
  t.strictSame(told, [], 'the turn has told them of all that came before')
})
