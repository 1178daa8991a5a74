/** The logger as a program uses it: its lines, its order, what a full ring does, and how it ends. */
import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import type { ChatterData } from './chatter.ts'
import { Log } from './log.ts'
import { layOut } from './log-place.ts'
import type { LogWriterData } from './log-writer.ts'
import { Logger } from './logger.ts'

const folder = mkdtempSync(join(tmpdir(), 'logger-'))
t.teardown(() => rmSync(folder, { recursive: true }))

function linesOf(path: string): string[] {
  const text = readFileSync(path, 'utf8')
  return text === '' ? [] : text.replace(/\n$/, '').split('\n')
}

/** What one caller's lines say: how many there are, and how many were dropped between them; they must count up. */
function accountOf(lines: readonly string[], name: string, caller: number): { written: number; dropped: number } {
  let [next, written, dropped] = [0, 0, 0]
  for (const line of lines) {
    const missing = new RegExp(`^logger: (\\d+) lines of caller ${caller} were dropped`).exec(line)
    if (missing !== null) {
      dropped += Number(missing[1])
      next += Number(missing[1])
    } else if (line.startsWith(`${name} `)) {
      if (line !== `${name} ${next}`) throw new Error(`${line} stands where ${name} ${next} should`)
      written++
      next++
    }
  }
  return { written, dropped }
}

t.test('writes every line of every thread, in its order, before the process ends by itself', async t => {
  const path = join(folder, 'program.log')
  const program = fileURLToPath(new URL('./main.js', import.meta.url))
  const { status, stderr } = spawnSync(process.execPath, [program, path, '20000'], { timeout: 60_000 })
  t.equal(status, 0, stderr.toString())
  const lines = linesOf(path)
  for (const [caller, name] of ['main', 'orders', 'billing'].entries()) {
    const { written, dropped } = accountOf(lines, name, caller)
    t.equal(written + dropped, 20_000, `${name}: ${dropped} dropped`)
  }
})

t.test('a writer that stands still blocks nobody: lines are dropped, counted, and told in their place', async t => {
  const path = join(folder, 'full.log')
  const place = layOut(1, 4_096)
  const log = new Log(place.callers[0] as (typeof place.callers)[0])
  let kept = 0
  for (let line = 0; line < 1_000; line++) if (log.log(`main ${line}`)) kept++
  t.ok(kept > 0 && kept < 1_000, `${kept} kept`)
  t.equal(log.dropped, 1_000 - kept)
  const worker = new Worker(new URL('./log-writer.js', import.meta.url), {
    workerData: { place, target: path } satisfies LogWriterData,
    execArgv: [],
  })
  t.teardown(() => worker.terminate())
  // Room again: this line comes after the gap, and says how large that is.
  let line = 1_000
  while (!log.log(`main ${line}`)) {
    line++
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  const all = (): string[] => {
    try {
      return linesOf(path)
    } catch {
      return []
    }
  }
  while (all().at(-1) !== `main ${line}`) await new Promise(resolve => setTimeout(resolve, 5))
  t.same(accountOf(all(), 'main', 0), { written: kept + 1, dropped: log.dropped })
})

t.test('close writes what was handed over, from killed threads too', async t => {
  const path = join(folder, 'close.log')
  const fd = openSync(path, 'a')
  const logger = new Logger({ target: fd, callers: 2, ringBytes: 65_536 })
  const log = logger.log()
  const data: ChatterData = { place: logger.place(), name: 'killed', lines: 1e9 }
  const worker = new Worker(new URL('./chatter.js', import.meta.url), { workerData: data, execArgv: [] })
  while (linesOf(path).length === 0) await new Promise(resolve => setTimeout(resolve, 5))
  await worker.terminate()
  for (let line = 0; line < 100; line++) log.log(`main ${line}`)
  log.log('grüße 🙂')
  t.throws(() => logger.place(), RangeError)
  t.ok(await logger.close())
  closeSync(fd)
  const lines = linesOf(path)
  t.same(accountOf(lines, 'main', 0), { written: 100, dropped: 0 })
  t.ok(accountOf(lines, 'killed', 1).written > 0)
  t.ok(lines.includes('grüße 🙂'))
})

t.test('a line that is too long is cut, and one that cannot be written costs nobody anything', async t => {
  const path = join(folder, 'long.log')
  const logger = new Logger({ target: path, callers: 1, ringBytes: 4_096 })
  const log = logger.log()
  t.ok(log.log('x'.repeat(10_000)))
  t.ok(await logger.close())
  t.match(linesOf(path), [/^x{600,700}$/])
  const closed = openSync(path, 'r')
  const deaf = new Logger({ target: closed, callers: 1 })
  t.ok(deaf.log().log('nobody reads this'))
  t.ok(await deaf.close(), 'it ends all the same')
  closeSync(closed)
})
