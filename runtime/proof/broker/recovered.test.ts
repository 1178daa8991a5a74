/** What a crash left half made is cut off, and told to whoever listens. Real threads and files. */
import { appendFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { BrokerEvents } from '../../index.ts'
import { folderOf, readAll } from '../fixtures/broker.fixture.ts'

/** Files that end in what was not written to its end. */
function tear(dir: string): { readonly catalog: string; readonly segment: string } {
  const [folder] = readdirSync(join(dir, 'topics')) as [string]
  const name = readdirSync(join(dir, 'topics', folder)).find(each => each.endsWith('.log')) as string
  const torn = { catalog: join(dir, 'catalog'), segment: join(dir, 'topics', folder, name) }
  for (const file of Object.values(torn)) appendFileSync(file, 'half of it')
  return torn
}

t.test('a listener hears of every file that was cut, also of those that were open before it listened', async t => {
  const { dir, open } = folderOf(t)
  const first = await open()
  await (await first.topic('orders')).publishBatch([{ value: 1 }, { value: 2 }])
  await first.close()
  const { catalog, segment } = tear(dir)
  const second = await open()
  const told: BrokerEvents['recovered'][] = []
  second.on('recovered', event => told.push(event))
  const orders = await second.topic('orders')
  t.strictSame(
    (await readAll(orders)).map(({ value }) => value),
    [1, 2],
  )
  t.match(told, [
    { file: catalog, bytes: 10, position: Number, reason: String },
    { file: segment, bytes: 10, position: Number, reason: String },
  ])
  await second.close()
  const third = await open()
  third.on('recovered', event => told.push(event))
  await third.topic('orders')
  t.equal(told.length, 2, 'it is told once')
})

t.test('where nobody listens the logger is told, in a sentence', async t => {
  const { dir, open } = folderOf(t)
  const first = await open()
  await (await first.topic('orders')).publish({ value: 1 })
  await first.close()
  const { catalog } = tear(dir)
  const lines: string[] = []
  const second = await open({ logger: { warn: line => void lines.push(line), error: line => void lines.push(line) } })
  await second.topic('orders')
  t.match(lines, [
    /^millrace: .*catalog was not whole from byte \d+ on \(.+\), and ends there now: nothing acknowledged/,
  ])
  t.ok(lines[0]?.includes(catalog))
})
