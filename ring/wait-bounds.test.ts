/** Waits that end by time, and the timers that this takes. */
import { createHook } from 'node:async_hooks'
import t from 'tap'
import { Memory } from './memory.ts'
import { WaitBounds } from './wait-bounds.ts'

/** Timers that are made while this runs. */
async function timersIn(act: () => Promise<void>): Promise<number> {
  let made = 0
  const hook = createHook({
    init: (_id, type) => {
      if (type === 'Timeout') made++
    },
  }).enable()
  try {
    await act()
  } finally {
    hook.disable()
  }
  return made
}

/** Keeps the process alive for as long as something runs. */
async function alive<T>(act: () => Promise<T>): Promise<T> {
  const held = setInterval(() => {}, 1_000)
  try {
    return await act()
  } finally {
    clearInterval(held)
  }
}

t.test('waits that are over at once take one timer, and leave nobody behind', async t => {
  const memory = Memory.allocate(64)
  const made = await timersIn(async () => {
    for (let left = 1_000; left > 0; left--) {
      const woken = memory.waitAsync(8, 0, 5_000)
      memory.notify(8)
      await woken
    }
  })
  // What shares the process may make some as well.
  t.ok(made > 0 && made < 100, `${made} timers`)
  t.equal(Atomics.notify(memory.i32, 2), 0)
})

t.test('each wait ends at its own time, whatever those before it had', async t => {
  const memory = Memory.allocate(64)
  const lasted = async (timeoutMs: number): Promise<number> => {
    const before = performance.now()
    await memory.waitAsync(8, 0, timeoutMs)
    return performance.now() - before
  }
  await alive(async () => {
    const long = memory.waitAsync(8, 0, 60_000)
    memory.notify(8)
    await long
    const short = await lasted(30)
    t.ok(short >= 30 && short < 50_000, `a shorter one ends before the timer of a longer one: ${short} ms`)
    const first = memory.waitAsync(8, 0, 20)
    memory.notify(8)
    await first
    t.ok((await lasted(60)) >= 60, 'a longer one is not ended by the timer of a shorter one')
  })
})

t.test('words are waited for by themselves, and nobody is woken when all waits are over', async t => {
  await alive(async () => {
    for (let unitMs = 10; ; unitMs *= 2) {
      const woken: number[] = []
      let firstMs = 0
      const bounds = new WaitBounds(address => {
        if (woken.push(address) === 1) firstMs = performance.now()
      })
      const since = performance.now()
      bounds.begin(8, 4 * unitMs)
      bounds.begin(16, unitMs)
      bounds.begin(16, 2 * unitMs)
      while (woken.length < 2) await new Promise(resolve => setTimeout(resolve, 10))
      // On a machine that stood still meanwhile both were over at once.
      if (firstMs - since >= 4 * unitMs && unitMs < 1_000) continue
      t.strictSame(woken, [16, 8])
      await new Promise(resolve => setTimeout(resolve, 100))
      t.equal(woken.length, 2)
      return
    }
  })
})

t.test('a wait without an end, and one of no time', async t => {
  const woken: number[] = []
  const bounds = new WaitBounds(address => woken.push(address))
  await alive(async () => {
    bounds.begin(8, Number.POSITIVE_INFINITY)
    bounds.begin(16, 0)
    await new Promise(resolve => setTimeout(resolve, 100))
  })
  t.strictSame(woken, [16])
})
