/**
 * Lets processes in namespaces of their own fight for one folder (Linux).
 *
 *   node dist/runtime/proof/stress/locks.js [--rounds 200] [--at-once 3] [--stop-seconds 10]
 *
 * Each process has namespaces of process ids, host names and networks of its own, as containers have, and another host name. A holder
 * publishes with `fsync`; three heirs come at once. Holders are killed, one after the other; in each third round the first one is
 * stopped for `--stop-seconds` before, while the heirs try, and then goes on.
 *
 * Fails when two have the folder at a time, when nobody gets it within seconds of a death, when a holder that is stopped is robbed, or
 * when what was acknowledged is not there, or is there twice; and where this user may not make namespaces (`unshare` of util-linux).
 */
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { type LockRound, lockRound } from './lock-rounds.fixture.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '200' },
    'at-once': { type: 'string', default: '3' },
    'stop-seconds': { type: 'string', default: '10' },
  },
})

const NAMESPACES = ['--pid', '--fork', '--kill-child', '--mount-proc', '--uts', '--net']
const STOP_EVERY = 3

/** The command that makes namespaces here: as root, or by way of a namespace of users. */
function findUnshare(): readonly string[] {
  const said: string[] = []
  for (const command of [
    ['unshare', ...NAMESPACES],
    ['unshare', '--user', '--map-root-user', ...NAMESPACES],
  ]) {
    const [name = '', ...args] = command
    const { status, stderr, error } = spawnSync(name, [...args, 'true'], { encoding: 'utf8' })
    if (status === 0) return command
    said.push(error?.message ?? stderr.trim())
  }
  throw new Error(`this user may not make namespaces, and nothing was tried: ${said.join('; ')}`)
}

async function main(): Promise<void> {
  const unshare = findUnshare()
  const rounds = Number(values.rounds)
  const all: LockRound[] = []
  let [next, stops] = [0, 0]
  const work = async (): Promise<void> => {
    while (next < rounds) {
      const round = next++
      const isStopped = round % STOP_EVERY === STOP_EVERY - 1
      if (isStopped) stops++
      const done = await lockRound(unshare, round, isStopped ? Number(values['stop-seconds']) * 1_000 : 0)
      all.push(done)
      for (const problem of done.problems) console.log(`FAILED ${problem}`)
    }
  }
  await Promise.all(Array.from({ length: Number(values['at-once']) }, work))
  const sum = (of: (round: LockRound) => number): number => all.reduce((total, round) => total + of(round), 0)
  const [deaths, names, receipts] = [sum(one => one.deaths), sum(one => one.hostNames), sum(one => one.receipts)]
  const problems = sum(one => one.problems.length)
  console.log(
    `${all.length} rounds, ${deaths} deaths, ${stops} stops, ${names} changes of host name, ${sum(one => one.refusals)} refused, ${receipts} receipts: ${problems} problems`,
  )
  if (problems > 0 || all.length !== rounds) process.exitCode = 1
}

await main()
