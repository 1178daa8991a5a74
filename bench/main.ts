/**
 * The bench command: `npm run -s bench -- [suite ...] [--json] [--quick]`.
 *
 * Main thread. Rows go to stdout, progress to stderr when that is a terminal. Exit code 2: wrong usage.
 */
import { Argument, Command, CommanderError, Option } from 'commander'
import { fullEffort, measure, quickEffort, type Row } from './harness.ts'
import { toText } from './report.ts'
import { type SuiteName, specsOf, suiteNames, suites } from './suites.ts'

interface Options {
  readonly json?: true
  readonly quick?: true
  readonly case?: readonly string[]
  readonly payload?: readonly string[]
  readonly subject?: readonly string[]
}

const all = Object.values(suites)

function createCommand(): Command {
  return new Command('bench')
    .description('Measures millrace beside its rivals, in the same process run and in interleaved rounds.')
    .addArgument(new Argument('[suite...]', 'what to measure').choices(suiteNames).default(suiteNames))
    .option('--json', 'print one JSON array of rows and nothing else')
    .option('--quick', 'three short rounds instead of five long ones')
    .addOption(filter('case', 'measure only these cases', new Set(all.flatMap(({ cases }) => cases))))
    .addOption(filter('payload', 'measure only these values', new Set(all.flatMap(({ payloads }) => payloads))))
    .addOption(
      filter('subject', 'measure only these', new Set(all.flatMap(({ subjects }) => subjects.map(({ name }) => name)))),
    )
    .showHelpAfterError('Try: npm run -s bench -- --help')
    .exitOverride()
    .action(bench)
}

function filter(name: string, description: string, choices: ReadonlySet<string>): Option {
  return new Option(`--${name} <name...>`, description).choices([...choices])
}

async function bench(names: readonly SuiteName[], options: Options): Promise<void> {
  const rows: Row[] = []
  for (const name of suiteNames.filter(suite => names.includes(suite))) {
    const suite = suites[name]
    const subjects = suite.subjects.filter(subject => options.subject?.includes(subject.name) ?? true)
    for (const spec of specsOf(suite)) {
      if (options.case?.includes(spec.caseName) === false) continue
      if (options.payload?.includes(spec.workload.payload) === false) continue
      rows.push(...(await measure(name, spec, subjects, options.quick ? quickEffort : fullEffort, showProgress)))
    }
  }
  showProgress('')
  console.log(options.json ? JSON.stringify(rows, null, 2) : toText(rows))
}

function showProgress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${line}`)
}

try {
  await createCommand().parseAsync()
} catch (error) {
  if (!(error instanceof CommanderError)) throw error
  // Commander has printed what is wrong; asking for help is not wrong.
  process.exitCode = error.exitCode === 0 ? 0 : 2
}
