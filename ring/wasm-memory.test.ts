/** The assembled module against its listing, and both kinds of memory against each other. */
import { readFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import wabt from 'wabt'
import { Memory, type MemoryKind } from './memory.ts'
import { allocateWasm, wasmBytes } from './wasm-memory.ts'

const KINDS: readonly MemoryKind[] = ['wasm', 'js']

t.test('the module is its listing, assembled', async t => {
  const listing = readFileSync(new URL('../wasm-atomics.wat', import.meta.url), 'utf8')
  const { parseWat } = await wabt()
  const module = parseWat('wasm-atomics.wat', listing, { threads: true, bulk_memory: true })
  t.strictSame(Buffer.from(wasmBytes()), Buffer.from(module.toBinary({}).buffer))
  t.ok(wasmBytes().length < 300, `${wasmBytes().length} bytes`)
})

for (const kind of KINDS) {
  t.test(`loads, stores and copies, ${kind}`, async t => {
    const memory = Memory.allocate(1_000, kind)
    t.equal(memory.kind, kind)
    t.ok(memory.u8.length >= 1_000)
    t.ok(
      memory.u8.every(byte => byte === 0),
      'zeroed',
    )
    for (const value of [0, 1, -1, 2 ** 31 - 1, -(2 ** 31)]) {
      memory.store(128, value)
      t.equal(memory.load(128), value)
      t.equal(memory.i32[32], value)
    }
    memory.u8.set([1, 2, 3, 4, 5, 6, 7], 200)
    memory.copy(203, 200, 7)
    t.strictSame([...memory.u8.subarray(200, 211)], [1, 2, 3, 1, 2, 3, 4, 5, 6, 7, 0], 'also where the ranges overlap')
    memory.copy(300, 200, 0)
    t.equal(memory.u8[300], 0)
  })

  t.test(`a worker attaches by the handle, and its waits and stores are seen, ${kind}`, async t => {
    const memory = Memory.allocate(1_000, kind)
    const worker = new Worker(
      `import('${new URL('./memory.js', import.meta.url).href}').then(({ Memory }) => {
        const memory = new Memory(require('node:worker_threads').workerData)
        memory.store(0, 1)
        memory.notify(0)
        memory.wait(128, 0, 10_000)
        memory.store(256, memory.load(128) + 1)
      })`,
      { eval: true, workerData: memory.handle, execArgv: [] },
    )
    await (memory.waitAsync(0, 0, 10_000) ?? Promise.resolve())
    t.equal(memory.load(0), 1)
    memory.store(128, 41)
    memory.notify(128)
    await new Promise(resolve => worker.once('exit', resolve))
    t.equal(memory.load(256), 42)
  })
}

t.test('without WebAssembly a memory is JavaScript’s', async t => {
  const { WebAssembly: wasm } = globalThis as { WebAssembly?: unknown }
  t.teardown(() => Object.assign(globalThis, { WebAssembly: wasm }))
  Object.assign(globalThis, { WebAssembly: undefined })
  t.equal(allocateWasm(1_000), null)
  t.equal(Memory.allocate(1_000).kind, 'js')
})
