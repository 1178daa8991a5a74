/**
 * The command line of this example. A wrong option is one line on stderr and exit code 2.
 */
import { availableParallelism } from 'node:os'
import { Command, InvalidArgumentError } from 'commander'

export interface Options {
  readonly json?: boolean
  /** Log lines that are sorted. */
  readonly lines: number
  /** Messages that are confirmed in each of three ways. */
  readonly messages: number
  readonly threads: number
}

export function parseOptions(args: readonly string[]): Options {
  return new Command('04-routing')
    .description(
      "RabbitMQ's tutorials as one program: work queues, publish and subscribe, routing, topics, RPC, confirms.",
    )
    .option('--json', 'print one line of JSON instead of text')
    .option('--lines <count>', 'log lines that are sorted', wholeNumber(10, 1_000_000), 30_000)
    .option('--messages <count>', 'messages that are confirmed in each of three ways', wholeNumber(1, 1_000_000), 5_000)
    .option('--threads <count>', 'handler threads', wholeNumber(1, 256), Math.max(1, availableParallelism() - 1))
    .allowExcessArguments(false)
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
    .parse(args, { from: 'user' })
    .opts<Options>()
}

function wholeNumber(min: number, max: number): (text: string) => number {
  return text => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (value >= min && value <= max) return value
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`)
  }
}
