/**
 * Kills whole processes (SIGKILL) that bind, unbind and publish by exchanges on disk, at random moments.
 *
 *   node dist/runtime/proof/stress/exchange-kills.js [--deaths 200] [--each 20]
 *
 * A folder lives through `--each` deaths. After each of them the parent looks into all queues and the topic, and asks where messages go.
 * Fails when a confirmed message is not in each of its targets once, when one is where nothing led it, when a binding that was made is
 * gone or one that was taken away is there, and when too little of that was met. A line on standard error says every ten seconds how far it is.
 */
import { parseArgs } from 'node:util'
import { killExchanges } from './exchange-kills.fixture.ts'
import { Progress } from './progress.fixture.ts'

const { values } = parseArgs({
  options: { deaths: { type: 'string', default: '200' }, each: { type: 'string', default: '20' } },
})

async function main(): Promise<void> {
  const deaths = Number(values.deaths)
  const progress = new Progress()
  const problems: string[] = []
  let [done, confirmed, inSeveral, unroutable, changed, unanswered, unansweredBindings] = [0, 0, 0, 0, 0, 0, 0]
  while (done < deaths && problems.length === 0) {
    const before = done
    const each = Math.min(Number(values.each), deaths - done)
    const oracle = await killExchanges(each, count => {
      done = before + count
      progress.say(() => `${done} of ${deaths} deaths`)
    })
    problems.push(...oracle.problems)
    confirmed += oracle.confirmed
    inSeveral += oracle.confirmedInSeveral
    unroutable += oracle.unroutable
    changed += oracle.changed
    unanswered += oracle.unanswered
    unansweredBindings += oracle.unansweredBindings
  }
  console.log(
    `${done} deaths: ${confirmed} publishes confirmed (${inSeveral} in several targets), ${unroutable} unroutable, ${changed} bindings changed; unanswered at a death: ${unanswered} publishes, ${unansweredBindings} bindings`,
  )
  if (inSeveral < done || unroutable < done || changed < done || unanswered < done || unansweredBindings < done / 4)
    problems.push('too little of that was met')
  for (const problem of problems.slice(0, 20)) console.log(problem)
  if (problems.length > 0) process.exitCode = 1
}

await main()
