/**
 * Handlers of 1 and of 10 ms at one queue, with a prefetch of 10: the fast one gets 85 % at least.
 *
 *   node dist/runtime/proof/stress/queue-fairness.js [--messages 20000]
 *
 * Fails when it gets less. Where calls take longer than they are to, the same part of what is then best is due.
 */
import { parseArgs } from 'node:util'
import { fairness } from './queue-fairness.fixture.ts'

const { values } = parseArgs({ options: { messages: { type: 'string' } } })

async function main(): Promise<void> {
  const messages = Number(values.messages ?? 20_000)
  const { problems, share, best } = await fairness(messages)
  const percent = (part: number): string => `${(part * 100).toFixed(1)} %`
  console.log(`of ${messages} messages the fast consumer got ${percent(share)}, and ${percent(best)} at best`)
  for (const problem of problems) console.log(`FAILED ${problem}`)
  process.exitCode = problems.length === 0 ? 0 : 1
}

main()
