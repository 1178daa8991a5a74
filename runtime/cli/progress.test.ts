import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { Progress, progressLine } from './progress.ts'

const SAMPLE = { lines: 12_345, lag: 6, retries: 7, deadLetters: 8 }

t.test('a sample is one line', async t => {
  t.equal(progressLine(SAMPLE, 10), '12,345 lines, 1,235/s, lag 6, 7 retries, 8 dead letters')
})

t.test('shows at most ten lines a second on a terminal, and clears the last', async t => {
  const written: string[] = []
  const progress = new Progress({
    isTTY: true,
    columns: 20,
    write: (text: string | Uint8Array) => written.push(String(text)) > 0,
  })
  const since = performance.now()
  progress.start(async () => SAMPLE)
  await sleep(650)
  while (written.length === 0) await sleep(10)
  progress.note('a note')
  progress.stop()
  // The note and what clears the last line come besides.
  const most = Math.floor((performance.now() - since + 1) / 100) + 2
  t.ok(written.length >= 3 && written.length <= most, `${written.length} writes`)
  t.equal(written[0]?.indexOf('\r\u001b[K12,345 lines, '), 0)
  t.equal(written[0]?.length, 4 + 19, 'fits into the columns')
  t.match(written.at(-2), 'a note\n')
  t.equal(written.at(-1), '\r\u001b[K')
})

t.test('writes a whole line now and then when piped, and no sign that moves the cursor', async t => {
  const written: string[] = []
  const write = (text: string | Uint8Array): boolean => written.push(String(text)) > 0
  const progress = new Progress({ write }, 100)
  progress.start(async () => SAMPLE)
  while (written.length < 2) await sleep(10)
  progress.note('a note')
  progress.stop()
  const count = written.length
  await sleep(150)
  t.equal(written.length, count, 'nothing comes after the end')
  t.match(written[0], /^millrace: 12,345 lines, [\d,]+\/s, lag 6, 7 retries, 8 dead letters\n$/)
  t.equal(written.at(-1), 'a note\n')
})

t.test('is silent when piped for the first seconds', async t => {
  const written: string[] = []
  const progress = new Progress({ write: (text: string | Uint8Array) => written.push(String(text)) > 0 })
  progress.start(async () => SAMPLE)
  await sleep(450)
  progress.note('a note')
  progress.stop()
  t.same(written, ['a note\n'])
})
