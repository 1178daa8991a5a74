/**
 * The command line of this example. A wrong option is one line on stderr and exit code 2.
 */
import { availableParallelism } from 'node:os'
import { Command, InvalidArgumentError } from 'commander'

export interface Options {
  readonly json?: boolean
  /** Good pictures; two that cannot be scaled are added. */
  readonly good: number
  readonly threads: number
}

export function parseOptions(args: readonly string[]): Options {
  return new Command('03-work-queue')
    .description(
      'Work queues: of pictures, of which one spins and one is broken; and of prints, in order for each customer.',
    )
    .option('--json', 'print one line of JSON instead of text')
    .option('--good <pictures>', 'good pictures', wholeNumber(10, 200_000), 50_000)
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
