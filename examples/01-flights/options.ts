/**
 * The command line of this example. A wrong option is one line on stderr and exit code 2.
 */
import { availableParallelism } from 'node:os'
import { Command, InvalidArgumentError } from 'commander'

export interface Options {
  /** Folder in which everything is kept; default: it is in memory. */
  readonly dir?: string
  readonly json?: boolean
  /** Rows to publish, at most. */
  readonly limit: number
  readonly partitions: number
  readonly threads: number
}

export function parseOptions(argv: readonly string[]): Options {
  return new Command('01-flights')
    .description('Who leaves late? Three million flights, counted on all cores.')
    .option('--dir <folder>', 'keep everything in this folder, and go on from what is there')
    .option('--json', 'print one line of JSON instead of tables')
    .option('--limit <rows>', 'publish only the first rows', wholeNumber(1, 3_000_000), 3_000_000)
    .option('--partitions <count>', 'partitions of the topic', wholeNumber(1, 1_024), 12)
    .option('--threads <count>', 'handler threads', wholeNumber(1, 256), Math.max(1, availableParallelism() - 1))
    .allowExcessArguments(false)
    .showHelpAfterError('(npm start -- --help lists the options)')
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
    .parse(argv)
    .opts<Options>()
}

function wholeNumber(min: number, max: number): (text: string) => number {
  return text => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (value >= min && value <= max) return value
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`)
  }
}
