/** A queue on disk whose process is killed again and again: of each id one message is taken, in whichever life. Real processes. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import type { Durability } from '../../index.ts'
import { folderOf } from '../fixtures/broker.fixture.ts'

const CHILD = fileURLToPath(new URL('./fixtures/queue-id-child.fixture.js', import.meta.url))
const LIVES = 3
/** Receipts in a life, and in each one more. */
const RECEIPTS = 150

/** Lines of one life, which is killed when it has so many. */
async function live(dir: string, durability: Durability, most: number): Promise<string[]> {
  const child = spawn(process.execPath, [CHILD, dir, durability], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line)
    if (lines.length === most) child.kill('SIGKILL')
  }
  return lines
}

for (const durability of ['os', 'fsync'] as const)
  t.test(`at ${durability}`, async (t: Test) => {
    const { dir, open } = folderOf(t)
    const places = new Map<string, number>()
    const taken = new Set<string>()
    const wrong: string[] = []
    let duplicates = 0
    for (let life = 0; life < LIVES; life++) {
      const lines = await live(dir, durability, RECEIPTS * (life + 1))
      t.equal(lines[0], 'opened')
      for (const line of lines.slice(1)) {
        const [, id = '', at, isDuplicate] = line.split(' ')
        const before = places.get(id)
        if (before !== undefined && before !== Number(at)) wrong.push(`${line}, and ${before} before`)
        if (isDuplicate === 'true') duplicates++
        else if (taken.has(id)) wrong.push(`${line}: it was taken before`)
        else taken.add(id)
        places.set(id, Number(at))
      }
    }
    t.strictSame(wrong.slice(0, 5), [])
    t.ok(taken.size > 200 && duplicates > 200, `${taken.size} were taken, and ${duplicates} were duplicates`)
    const broker = await open()
    const { accepted } = await (await broker.queue('jobs')).stats()
    // Of some the receipt was lost with its process.
    t.ok(accepted >= taken.size && accepted <= places.size + LIVES * 40, `${accepted} accepted`)
    const queue = await broker.queue<number>('jobs')
    await Promise.all(
      [...places].map(async ([id, offset]) => {
        const receipt = await queue.send({ value: 0, id })
        const { offset: at } = receipt as unknown as { offset: number }
        if (at !== offset || !receipt.duplicate) wrong.push(`${id} is at ${at}, and was at ${offset}`)
      }),
    )
    t.strictSame(wrong.slice(0, 5), [])
  })
