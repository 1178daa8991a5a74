/**
 * Faults that are planted by chance, and which test finds each. Unlike the mutants nobody has chosen them, so that they
 * say what the tests see of what nobody thought of. After a build:
 *
 *   node .ci/mutants/planted.mjs --count 50 --seed 7 [--root FOLDER] [--list FILE]
 *
 * draws them from the sources that ship, prints them and writes them to FILE.
 *
 *   node .ci/mutants/planted.mjs --find ROOT --list FILE --results FILE [--seconds 120] [--test-seconds 60] [--jobs 1]
 *       [--only ID] [--portion 20:SEED] [--again]
 *
 * looks for each in a copy of ROOT, any built clone in which these lines stand: `found` by a test, `survived` all that
 * load its module, or `undecided` after so many seconds of tests. Each result is a line of JSON that is added to its
 * file; what stands there already is not run again, so that a search can be ended and goes on. What tests do unpatched
 * is kept beside it. With --again those that are undecided go on where they were given up. Sweeps are run in full, or a
 * portion of them as `npm test` does.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { root } from '../tests/modules.mjs'
import { Copy, share } from './copy.mjs'

const { values: options } = parseArgs({
  options: {
    count: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    root: { type: 'string', default: root },
    list: { type: 'string' },
    find: { type: 'string' },
    results: { type: 'string' },
    seconds: { type: 'string', default: '120' },
    'test-seconds': { type: 'string', default: '60' },
    jobs: { type: 'string', default: '1' },
    only: { type: 'string' },
    portion: { type: 'string' },
    again: { type: 'boolean', default: false },
  },
})

function shown({ id, file, line, operator, before, after }) {
  return `${id} ${file}:${line} ${operator}\n    - ${before.trim()}\n    + ${after.trim()}`
}

async function drawn() {
  const { draw } = await import('./draw.mjs')
  const faults = draw(resolve(options.root), Number(options.count), Number(options.seed))
  for (const fault of faults) console.log(shown(fault))
  if (options.list === undefined) return
  writeFileSync(options.list, `${JSON.stringify(faults, null, 2)}\n`)
  console.log(`${faults.length} written to ${options.list}`)
}

/** The last result of each fault, by its id. */
function readResults() {
  if (!existsSync(options.results)) return new Map()
  const lines = readFileSync(options.results, 'utf8').split('\n')
  const results = lines.filter(line => line !== '').map(line => JSON.parse(line))
  return new Map(results.map(result => [result.id, result]))
}

function report(faults) {
  const all = readResults()
  const results = faults.map(({ id }) => all.get(id)).filter(result => result !== undefined)
  const count = outcome => results.filter(each => each.outcome === outcome).length
  const seconds = results.filter(({ outcome }) => outcome === 'found').map(each => each.seconds)
  const median = seconds.sort((a, b) => a - b)[seconds.length >> 1] ?? 0
  console.log(
    `${count('found')} found (half of them within ${median} s), ${count('survived')} survived, ` +
      `${count('undecided')} undecided, ${faults.length - results.length} not tried`,
  )
}

async function searched() {
  if (options.list === undefined || options.results === undefined)
    throw new Error('--find also takes --list FILE and --results FILE')
  const { Search } = await import('./search.mjs')
  const clone = resolve(options.find)
  const faults = JSON.parse(readFileSync(options.list, 'utf8'))
  const before = readResults()
  const isLeft = result => result === undefined || (options.again && result.outcome === 'undecided')
  const left = faults.filter(({ id }) => isLeft(before.get(id)) && (options.only ?? id) === id)
  const search = new Search(clone, {
    unpatched: `${options.results}.unpatched`,
    seconds: Number(options.seconds),
    testSeconds: Number(options['test-seconds']),
    portion: options.portion,
  })
  const lost = left.filter(fault => search.planted(fault) === null)
  if (lost.length > 0) throw new Error(`these lines are not in ${clone}:\n${lost.map(shown).join('\n')}`)
  const copies = Array.from({ length: Math.min(Number(options.jobs), left.length) }, () => new Copy(clone))
  await share(copies, left, async (fault, copy) => {
    const result = await search.find(fault, copy, before.get(fault.id)?.passed)
    appendFileSync(options.results, `${JSON.stringify(result)}\n`)
    const { outcome, test = '', how = '', seconds, tests, of } = result
    console.log(
      `${outcome.padEnd(9)} ${fault.id} ${fault.file}:${fault.line} ${seconds} s, ${tests} of ${of} ${test} ${how}`,
    )
  })
  report(faults)
}

await (options.find === undefined ? drawn() : searched())
