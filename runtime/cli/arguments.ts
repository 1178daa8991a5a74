/**
 * The command line of `millrace`, checked once, here. Usage errors are one or two lines and exit code 2.
 *
 * Writes to the given streams and touches nothing else, so that tests can read what a user would see.
 */
import { createRequire } from 'node:module'
import { Command, CommanderError, InvalidArgumentError } from 'commander'

export interface RunArguments {
  readonly handler: string
  /** A path, or `-`: standard input. */
  readonly input: string
  /** The key's path within each value, such as `['customer', 'id']`. */
  readonly key?: readonly string[]
  readonly partitions: number
  readonly threads?: number
  readonly group: string
  readonly attempts: number
  readonly timeoutMs: number
  /** A path, or `-`: standard output. */
  readonly output?: string
  readonly deadLetter?: string
  readonly json?: boolean
}

export interface VerifyArguments {
  readonly dir: string
  readonly json?: boolean
}

export type Parsed =
  | { readonly command: 'verify'; readonly arguments: VerifyArguments }
  | { readonly command: 'run'; readonly arguments: RunArguments }
  | { readonly command: 'none'; readonly exitCode: 0 | 2 }

export interface ArgumentsOutput {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
}

/** As commander names them. */
interface RunOptionValues extends Omit<RunArguments, 'handler' | 'input' | 'timeoutMs'> {
  readonly input?: string
  readonly timeout: number
}

const EXAMPLE = `
Example:
  millrace run ./score.js --input orders.ndjson --key customer.id --output scored.ndjson --dead-letter broken.ndjson

  where score.js is:  export default ({ value }) => ({ id: value.id, score: value.amount * 2 })

Exit codes:
  0  all lines were processed      3    some were dead-lettered
  1  failed                        130  interrupted (Ctrl-C drains what was read, a second one does not)
  2  wrong usage`

const VERIFY_CODES = `
Exit codes:
  0  nothing is damaged            3  something is
  1  failed                        2  wrong usage`

/** `args` are the words after the program's name. */
export function parseArguments(args: readonly string[], output: ArgumentsOutput): Parsed {
  let parsed: Parsed = { command: 'none', exitCode: 2 }
  const program = new Command('millrace')
    .description('Every core of this machine on NDJSON records, in order per key; and what is on disk.')
    .version(version())
    .exitOverride()
    .configureOutput({ writeOut: output.out, writeErr: output.err })
    .showHelpAfterError('(--help lists the options)')
  program
    .command('run')
    .description('Hand every line of an NDJSON file to a handler, on worker threads.')
    .argument('<handler>', 'module whose default export is a function of a delivery, or is made by defineHandler')
    .option('--input <file>', 'NDJSON to read; - is standard input (required)')
    .option('--key <field>', 'lines with equal keys are handled in order; dots lead inwards: customer.id', keyPath)
    .option('--partitions <count>', 'how many parts the keys are spread over', wholeNumber(1, 1_024), 12)
    .option('--threads <count>', 'handler threads (default: cores - 1)', wholeNumber(1, 256))
    .option('--group <name>', 'consumer group', groupName, 'cli')
    .option('--attempts <count>', 'failures until a line is dead-lettered', wholeNumber(1, 1_000_000), 5)
    .option('--timeout <ms>', 'how long the handler may take for one line', wholeNumber(1, 2_147_483_647), 30_000)
    .option('--output <file>', 'where the results of the handler go, as NDJSON; - is standard output')
    .option('--dead-letter <file>', 'where lines go that cannot be processed, with the reasons, as NDJSON')
    .option('--json', 'end with one line of JSON on standard output (standard error with --output -)')
    .allowExcessArguments(false)
    .addHelpText('after', EXAMPLE)
    .action((handler: string, { timeout, input, ...options }: RunOptionValues, command: Command) => {
      // Checked here and not by commander, which would say so before it finds that `--inptu` is unknown.
      if (input === undefined) command.error("error: required option '--input <file>' not specified")
      if (options.deadLetter === '-') command.error('error: --dead-letter needs a file; - is not one')
      if (options.deadLetter !== undefined && options.deadLetter === options.output)
        command.error('error: --output and --dead-letter are the same file')
      if (input !== '-' && (input === options.output || input === options.deadLetter)) {
        command.error('error: the input would be overwritten')
      }
      parsed = { command: 'run', arguments: { handler, input, timeoutMs: timeout, ...options } }
    })
  program
    .command('verify')
    .description('Read every byte of a broker’s folder and report damage; changes nothing.')
    .argument('<dir>', 'the folder, which no broker may have open')
    .option('--json', 'print one line of JSON')
    .allowExcessArguments(false)
    .addHelpText('after', VERIFY_CODES)
    .action((dir: string, options: Omit<VerifyArguments, 'dir'>) => {
      parsed = { command: 'verify', arguments: { dir, ...options } }
    })
  try {
    program.parse(args, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    return { command: 'none', exitCode: error.exitCode === 0 ? 0 : 2 }
  }
  return parsed
}

function wholeNumber(min: number, max: number): (text: string) => number {
  return text => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (value >= min && value <= max) return value
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`)
  }
}

function keyPath(text: string): readonly string[] {
  const path = text.split('.')
  if (path.includes('')) throw new InvalidArgumentError('It must be field names with dots between them.')
  return path
}

function groupName(text: string): string {
  if (/^[A-Za-z0-9._-]{1,100}$/.test(text)) return text
  throw new InvalidArgumentError('It may have letters, digits, dots, underscores and hyphens, at most 100.')
}

function version(): string {
  const { version } = createRequire(import.meta.url)('millrace/package.json') as { readonly version: string }
  return version
}
