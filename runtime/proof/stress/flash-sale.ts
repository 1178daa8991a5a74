/**
 * A flash sale: from 1,000 to 50,000 orders a minute, to handlers of 0.1 and of 20 ms, with each `onFull`.
 *
 *   node dist/runtime/proof/stress/flash-sale.js [--seconds 300]
 *
 * The checks are those of flash-sale.fixture.ts. Fails when one finds anything.
 */
import { parseArgs } from 'node:util'
import { flashSale } from './flash-sale.fixture.ts'

const { values } = parseArgs({ options: { seconds: { type: 'string' } } })

async function main(): Promise<void> {
  const { problems, lines } = await flashSale({ seconds: Number(values.seconds ?? 300), maxMessages: 1_000 })
  for (const line of lines) console.log(line)
  for (const problem of problems) console.log(`FAILED ${problem}`)
  console.log(problems.length === 0 ? 'no queue was too long, and memory is flat' : `${problems.length} problems`)
  process.exitCode = problems.length === 0 ? 0 : 1
}

main()
