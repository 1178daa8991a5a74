/**
 * The command line of this example. A wrong option is one line on stderr and exit code 2.
 */
import { availableParallelism } from 'node:os'
import { Command, InvalidArgumentError } from 'commander'

export interface Options {
  readonly json?: boolean
  /** People who sign up, and then sign in. */
  readonly people: number
  readonly threads: number
}

export function parseOptions(args: readonly string[]): Options {
  return new Command('05-request-reply')
    .description(
      'Requests: passwords are hashed and checked on all cores, with a deadline, and whatever goes wrong is told.',
    )
    .option('--json', 'print one line of JSON instead of text')
    .option('--people <count>', 'people who sign up and in', wholeNumber(1, 100_000), 2_000)
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
