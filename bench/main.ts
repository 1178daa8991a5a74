/**
 * The bench command: `npm run -s bench -- [suite ...] [--json] [--quick | --smoke]`.
 *
 * Main thread. Rows go to stdout, progress to stderr when that is a terminal. Exit code 1: a full run missed a bar of bars.ts; 2: wrong usage.
 * A rival whose server is not installed is left out, and stderr says how to install it.
 */
import { readFileSync } from 'node:fs'
import { Argument, Command, CommanderError, Option } from 'commander'
import { loadAgainst } from './against.ts'
import { judge } from './bars.ts'
import { withBestByHand } from './best-by-hand.ts'
import { type Effort, fullEffort, measure, quickEffort, smokeEffort } from './harness.ts'
import { Noise } from './noise.ts'
import { toText } from './report.ts'
import type { Row } from './row.ts'
import type { Subject } from './subject.ts'
import type { Suite } from './suite.ts'
import { ownSuites, type SuiteName, specOf, suiteNames, suites } from './suites.ts'
import { startHelperThreads } from './thread-times.ts'

interface Options {
  readonly json?: true
  readonly quick?: true
  readonly smoke?: true
  readonly case?: readonly string[]
  readonly payload?: readonly string[]
  readonly subject?: readonly string[]
  readonly against?: string
  readonly plot?: true
  readonly rows?: readonly string[]
}

/** Where the README and the guide look for them. */
const figuresFolder = 'docs/figures'

const all = Object.values(suites).flatMap(({ cases }) => cases)

const aboutCases = Object.entries(suites).flatMap(([name, { cases }]) => [
  `\n${name}:`,
  ...cases.map(({ name, about }) => `  ${name.padEnd(24)}${about}`),
])

function createCommand(): Command {
  return new Command('bench')
    .description('Measures millrace beside its rivals, in the same process run and in interleaved rounds.')
    .addArgument(new Argument('[suite...]', 'what to measure').choices(suiteNames).default(ownSuites))
    .option('--json', 'print one JSON array of rows and nothing else')
    .option('--quick', 'three short rounds instead of five long ones (nine in suite ring)')
    .addOption(
      new Option('--smoke', 'one short run of each: whether everything works, not how fast').conflicts('quick'),
    )
    .addOption(filter('case', 'measure only these cases', new Set(all.map(({ name }) => name))))
    .addOption(filter('payload', 'measure only these values', new Set(all.flatMap(({ payloads }) => payloads))))
    .addOption(
      filter('subject', 'measure only these', new Set(all.flatMap(({ subjects }) => subjects.map(({ name }) => name)))),
    )
    .option('--against <dir>', 'measure another built clone of millrace in the same rounds')
    .option('--plot', `also draw rates and latencies as SVG in ${figuresFolder}`)
    .option('--rows <file...>', 'measure nothing: show, judge and draw the rows that --json wrote to these files')
    .addHelpText('after', `\nCases:${aboutCases.join('\n')}`)
    .showHelpAfterError('Try: npm run -s bench -- --help')
    .exitOverride()
    .action(bench)
}

function filter(name: string, description: string, choices: ReadonlySet<string>): Option {
  return new Option(`--${name} <name...>`, description).choices([...choices])
}

async function bench(names: readonly SuiteName[], options: Options): Promise<void> {
  const noise = new Noise()
  const measured = options.rows?.flatMap(readRows) ?? (await measureSuites(names, options, noise))
  const rows = withBestByHand(measured)
  if (options.plot) {
    const { writeFigures } = await import('./plot.ts')
    for (const path of writeFigures(rows, figuresFolder)) process.stderr.write(`wrote ${path}\n`)
  }
  if (options.json) process.stderr.write(`${noise}\n`)
  const bars = options.smoke ? [] : judge(rows)
  console.log(
    options.json ? JSON.stringify(rows, null, 2) : [toText(rows, noise), ...bars.map(({ text }) => text)].join('\n'),
  )
  if (!options.quick && bars.some(({ isKept }) => !isKept)) process.exitCode = 1
}

/** Derived rows are derived anew. */
function readRows(path: string): readonly Row[] {
  const rows = JSON.parse(readFileSync(path, 'utf8')) as readonly Row[]
  return rows.filter(({ of }) => of === undefined)
}

async function measureSuites(names: readonly SuiteName[], options: Options, noise: Noise): Promise<readonly Row[]> {
  const measured: Row[] = []
  const before = options.against === undefined ? undefined : await loadAgainst(options.against)
  await startHelperThreads()
  for (const name of suiteNames.filter(suite => names.includes(suite))) {
    const suite: Suite = suites[name]
    const effort = effortOf(options, suite.effort)
    for (const one of suite.cases) {
      if (options.case?.includes(one.name) === false) continue
      const named = one.subjects.filter(subject => options.subject?.includes(subject.name) ?? true)
      const subjects = [
        ...named.filter(subject => !isMissing(subject)),
        ...(before?.(name, { ...one, subjects: named }) ?? []),
      ]
      for (const payload of one.payloads) {
        if (options.payload?.includes(payload) === false) continue
        measured.push(...(await measure(name, specOf(suite, one, payload), subjects, effort, noise, showProgress)))
      }
    }
  }
  showProgress('')
  return measured
}

/** Says on stderr why a subject is left out. */
function isMissing({ name, whyMissing }: Subject): boolean {
  const why = whyMissing?.()
  if (why !== undefined) process.stderr.write(`${name} is left out: ${why}.\n`)
  return why !== undefined
}

function effortOf({ quick, smoke }: Options, own: Partial<Effort> | undefined): Effort {
  if (smoke) return smokeEffort
  return quick ? quickEffort : { ...fullEffort, ...own }
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
