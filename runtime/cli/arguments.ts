/**
 * The command line of `millrace`, checked once, here. Usage errors are one or two lines and exit code 2.
 *
 * Writes to the given streams and touches nothing else, so that tests can read what a user would see.
 */
import { createRequire } from 'node:module'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { printable } from '../base/printable.ts'
import { isMillraceError } from '../words/errors.ts'
import { checkName } from '../words/names.ts'
import { durationMs } from './duration.ts'

export interface RunArguments {
  readonly handler: string
  /** A path, or `-`: standard input. */
  readonly input: string
  /** The key's path within each value, such as `['customer', 'id']`. */
  readonly key?: readonly string[]
  readonly partitions: number
  /** Whether lines wait in a work queue: then keys and partitions mean nothing. */
  readonly queue?: boolean
  readonly threads?: number
  readonly group: string
  readonly attempts: number
  readonly timeoutMs: number
  /** Time after a signal in which lines that were read may still be handled, in ms. */
  readonly graceMs: number
  /** Time from the end of the input in which lines may still be handled, in ms; default: as long as it takes. */
  readonly drainMs?: number
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

/** The longest that a timer of Node can wait, in whole days. */
const DURATION_MS_MAX = 24 * 24 * 3_600_000

/** A queue keeps its messages' failures in few bits. */
const QUEUE_ATTEMPTS_MAX = 1_000

/** Option values by the names of commander. */
interface RunOptionValues extends Omit<RunArguments, 'handler' | 'input' | 'timeoutMs' | 'graceMs' | 'drainMs'> {
  readonly input?: string
  readonly timeout: number
  readonly grace: number
  readonly drain?: number
}

const EXAMPLE = `
Example:
  millrace run ./score.js --input orders.ndjson --key customer.id --output scored.ndjson --dead-letter broken.ndjson

  where score.js is:  export default ({ value }) => ({ id: value.id, score: value.amount * 2 })

With --queue the lines have no order: they wait in a work queue, and each thread takes the next one when it is free.
A slow line then holds up the few that its thread has taken ahead.

Lines of up to 1 MiB are read, fewer bytes only with very many partitions or threads. Output files are emptied when the
handlers have started: a run that cannot start leaves them as they were, one that fails later leaves what it has written.
With --output - or --json what handlers print goes to standard error.

Ctrl-C and SIGTERM end the reading; what was read is still handled, for --grace. A second one ends the program at once.

Exit codes:
  0  all lines were processed      3    some were dead-lettered
  1  failed, or lines were left    130  interrupted, and what was read is done (143 by SIGTERM)
  2  wrong usage`

const VERIFY_CODES = `
Exit codes:
  0  nothing is damaged            3  something is
  1  failed                        2  wrong usage`

/** `args` are the words after the program's name. */
export function parseArguments(args: readonly string[], output: ArgumentsOutput): Parsed {
  let parsed: Parsed = { command: 'none', exitCode: 2 }
  const program = new Command('millrace')
    .description(
      'Hands NDJSON records to a handler on every core of this machine, in order per key. Checks what a broker has on disk.',
    )
    .version(version())
    .exitOverride()
    .configureOutput({ writeOut: output.out, writeErr: text => output.err(onItsLines(text, args)) })
    .showHelpAfterError('(--help lists the options)')
  program
    .command('run')
    .description('Hand every line of an NDJSON file to a handler, on worker threads.')
    .argument('<handler>', 'module whose default export is a function of a delivery, or is made by defineHandler')
    .option('--input <file>', 'NDJSON to read; - is standard input (required)', fileName)
    .option('--key <field>', 'lines with equal keys are handled in order; dots lead inwards: customer.id', keyPath)
    .option('--partitions <count>', 'how many parts the keys are spread over', wholeNumber(1, 1_024), 12)
    .option('--queue', 'order does not matter: each line goes to the thread that is free')
    .option('--threads <count>', 'handler threads (default: cores - 1)', wholeNumber(1, 256))
    .option('--group <name>', 'consumer group', groupName, 'cli')
    .option('--attempts <count>', 'failures until a line is dead-lettered', wholeNumber(1, 1_000_000), 5)
    .addOption(
      new Option('--timeout <duration>', 'how long the handler may take for one line: 500ms, 30s, 2m')
        .argParser(duration(1))
        .default(30_000, '30s'),
    )
    .addOption(
      new Option('--grace <duration>', 'how long what was read may go on after Ctrl-C or SIGTERM')
        .argParser(duration(0))
        .default(20_000, '20s'),
    )
    .option('--drain <duration>', 'how long lines may take after the end of the input (default: no limit)', duration(0))
    .option('--output <file>', 'where the results of the handler go, as NDJSON; - is standard output', fileName)
    .option('--dead-letter <file>', 'where lines go that cannot be processed, with the reasons, as NDJSON', fileName)
    .option('--json', 'end with one line of JSON on standard output (standard error with --output -)')
    .allowExcessArguments(false)
    .addHelpText('after', EXAMPLE)
    .action((handler: string, { timeout, grace, drain, input, ...options }: RunOptionValues, command: Command) => {
      // Checked here and not by commander, which would say so before it finds that `--inptu` is unknown.
      if (input === undefined) command.error("error: required option '--input <file>' not specified")
      if (options.queue === true) checkQueue(command, options)
      if (options.deadLetter === '-') command.error('error: --dead-letter needs a file; - is not one')
      const times = { timeoutMs: timeout, graceMs: grace, ...(drain === undefined ? {} : { drainMs: drain }) }
      parsed = { command: 'run', arguments: { handler, input, ...times, ...options } }
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

/** What is for order, or for what a queue has none of, does not go with it. */
function checkQueue(command: Command, { attempts }: Pick<RunArguments, 'attempts'>): void {
  for (const name of ['key', 'partitions', 'group'])
    if (command.getOptionValueSource(name) === 'cli')
      command.error(`error: --${name} has no meaning with --queue, where lines have no order; leave one of them out`)
  if (attempts > QUEUE_ATTEMPTS_MAX)
    command.error(`error: --attempts must be from 1 to ${QUEUE_ATTEMPTS_MAX.toLocaleString('en-US')} with --queue`)
}

/** A message about the arguments, with line ends of the program only: an argument cannot add a line. */
function onItsLines(text: string, args: readonly string[]): string {
  const said = args.reduce((text, arg) => (arg === '' ? text : text.replaceAll(arg, printable(arg))), text)
  return said.split('\n').map(printable).join('\n')
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

function duration(minMs: number): (text: string) => number {
  return text => {
    const ms = durationMs(text)
    if (ms >= minMs && ms <= DURATION_MS_MAX) return ms
    throw new InvalidArgumentError(`It must be from ${minMs} ms to 24 days, such as 500ms, 30s or 2m.`)
  }
}

function fileName(text: string): string {
  if (text !== '' && !text.includes('\0')) return text
  throw new InvalidArgumentError('It must be the name of a file, or -.')
}

function groupName(text: string): string {
  try {
    return checkName('group', text)
  } catch (error) {
    if (!isMillraceError(error)) throw error
    throw new InvalidArgumentError('It may have letters, digits, dots, underscores and hyphens, at most 200.')
  }
}

function version(): string {
  const { version } = createRequire(import.meta.url)('millrace/package.json') as { readonly version: string }
  return version
}
