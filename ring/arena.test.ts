/** The arena against a list of blocks. */
import fc from 'fast-check'
import t from 'tap'
import { Arena, NO_ROOM } from './arena.ts'
import { LINE_BYTES } from './layout.ts'
import { Memory } from './memory.ts'

t.test('blocks are aligned, zeroed and apart, and no smaller than a line', async t => {
  const memory = Memory.allocate(1_024, 'js')
  const arena = new Arena(memory, 1)
  const blocks = [arena.allocate(0), arena.allocate(1), arena.allocate(128), arena.allocate(129)]
  t.same(blocks, [128, 256, 384, 512])
  t.equal(arena.usedBytes, 5 * LINE_BYTES)
  t.equal(arena.blocks, 4)
  t.equal(arena.freeBytes, 256)
  t.equal(arena.allocate(257), NO_ROOM)
  t.equal(arena.allocate(256), 768, 'exactly what is left')
  t.equal(arena.allocate(0), NO_ROOM)
})

t.test('joins what is freed with its neighbours, in any order', async t => {
  for (const order of [
    [0, 1, 2],
    [2, 1, 0],
    [0, 2, 1],
    [1, 0, 2],
  ]) {
    const arena = new Arena(Memory.allocate(3 * 256, 'js'))
    const blocks = [arena.allocate(256), arena.allocate(256), arena.allocate(256)]
    for (const index of order) arena.free(blocks[index] as number)
    t.equal(arena.allocate(3 * 256), 0, order.join(' '))
  }
})

t.test('what is not handed out cannot be freed', async t => {
  const arena = new Arena(Memory.allocate(1_024, 'js'))
  const block = arena.allocate(100)
  arena.free(block)
  t.throws(() => arena.free(block), RangeError)
  t.throws(() => arena.free(block + 128), RangeError)
})

type Step =
  | { readonly kind: 'allocate'; readonly bytes: number; readonly end: 'low' | 'high' }
  | { readonly kind: 'free'; readonly which: number }

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('allocate' as const),
    bytes: fc.oneof(fc.constantFrom(0, 1, 127, 128, 129), fc.integer({ min: 0, max: 3_000 })),
    end: fc.constantFrom('low' as const, 'high' as const),
  }),
  fc.nat(1_000).map(which => ({ kind: 'free' as const, which })),
)

t.test('never overlaps, always zeroed, first fit from either end, and everything comes back', async () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 600 }),
      fc.integer({ min: 1, max: 128 }),
      fc.array(anyStep, { maxLength: 120, size: 'max' }),
      (from, lines, steps) => {
        const first = Math.ceil(from / LINE_BYTES) * LINE_BYTES
        const end = first + lines * LINE_BYTES
        const memory = Memory.allocate(end, 'js')
        const arena = new Arena(memory, from)
        /** Handed out, by address. */
        let blocks: { readonly address: number; readonly bytes: number }[] = []
        const firstFit = (bytes: number): number => {
          let at = first
          for (const block of [...blocks, { address: end, bytes: 0 }]) {
            if (block.address - at >= bytes) return at
            at = block.address + block.bytes
          }
          return NO_ROOM
        }
        const lastFit = (bytes: number): number => {
          let to = end
          for (const block of [{ address: first, bytes: 0 }, ...blocks].reverse()) {
            if (to - block.address - block.bytes >= bytes) return to - bytes
            to = block.address
          }
          return NO_ROOM
        }
        for (const step of steps) {
          if (step.kind === 'allocate') {
            const bytes = Math.max(LINE_BYTES, Math.ceil(step.bytes / LINE_BYTES) * LINE_BYTES)
            const wanted = step.end === 'high' ? lastFit(bytes) : firstFit(bytes)
            const address = arena.allocate(step.bytes, step.end)
            if (address !== wanted) throw new Error(`${bytes} bytes at ${address}, not ${wanted}`)
            if (address === NO_ROOM) continue
            const block = memory.u8.subarray(address, address + bytes)
            if (block.some(byte => byte !== 0)) throw new Error('not zeroed')
            block.fill(0xff)
            blocks = [...blocks, { address, bytes }].sort((a, b) => a.address - b.address)
          } else if (blocks.length > 0) {
            const [block] = blocks.splice(step.which % blocks.length, 1)
            arena.free((block as { readonly address: number }).address)
          }
          const used = blocks.reduce((sum, { bytes }) => sum + bytes, 0)
          if (arena.usedBytes !== used || arena.blocks !== blocks.length || arena.freeBytes !== end - first - used)
            throw new Error('accounts differ')
        }
        for (const { address } of blocks) arena.free(address)
        if (arena.allocate(end - first) !== first) throw new Error('the gaps were not joined')
      },
    ),
    { numRuns: 1_000 },
  )
})
