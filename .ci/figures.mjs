/**
 * Writes the figures of the README and of the guide to performance anew, from a measurement on this machine:
 *
 *   npm run -s bench -- pipeline --payload 64 --json >rows.json
 *   node .ci/figures.mjs rows.json …
 *
 * Without files it reads stdin. Each page has a table between `<!-- figures -->` and `<!-- /figures -->`. A cell has the median, the least and
 * the greatest of the rounds, in million records a second, then the ratio of millrace to it, round by round, in the same way. The guide has
 * all rivals; the README has what does the same work, and a drawing of all (`npm run -s bench -- --rows rows.json … --plot`).
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'

const CASES = {
  eachBatch: '`publishBatch` of 512',
  eachMessage: '`tryPublish`',
  awaited: '`publish` awaited, 1,000 at a time',
}
const SUBJECTS = {
  millrace: '**millrace**',
  'millrace-records': '**millrace**, handler with `records`',
  'best by hand': 'the same work by hand over `postMessage`',
  'same-work': 'the same work by hand over `postMessage`',
  'same-work-relayed': 'the same, with a thread between',
  postMessage: '`postMessage`, one message a record',
  'postMessage-100': '`postMessage`, 100 records a buffer',
  'postMessage-1000': '`postMessage`, 1,000 records a buffer',
  'postMessage-4096': '`postMessage`, 4,096 records a buffer',
  'postMessage-1000-direct': 'the same, 1,000 and no thread between',
  'ringbuf.js': 'ringbuf.js',
  piscina: 'piscina, one task a record',
  rxjs: 'rxjs, same thread, no copy, no serialisation',
  'raw-pipeline': 'our own bare path: no keys, offsets, receipts, objects',
}
const OF_README = ['millrace', 'best by hand']
const OF_GUIDE = Object.keys(SUBJECTS).filter(name => name !== 'best by hand')
const DIGITS = 2

const files = process.argv.slice(2)
const rows = (files.length === 0 ? [0] : files)
  .flatMap(file => JSON.parse(readFileSync(file, 'utf8')))
  .filter(({ suite, metric, payloadBytes }) => suite === 'pipeline' && metric === 'throughput' && payloadBytes === 64)
if (rows.some(({ runs }) => runs < 5)) throw new Error('these are figures of a short run: measure without --quick')
const rowOf = (subject, name) => rows.find(row => row.subject === subject && row.case === name)
const digits = value => (value < 100 ? value.toPrecision(DIGITS) : String(Math.round(value)))
const millions = value => digits(value / 1e6)

/** Of values that were measured in the same rounds. */
function ratioText(row, other) {
  const ratios = row.values.map((value, round) => value / other.values[round]).sort((a, b) => a - b)
  const [least, median, greatest] = [0, ratios.length >> 1, ratios.length - 1].map(at => digits(ratios[at]))
  return `${median}x (${least} to ${greatest})`
}

function cell(subject, name) {
  const row = rowOf(subject, name)
  if (row === undefined) return '-'
  const text = `${millions(row.median)} (${millions(row.min)} to ${millions(row.max)})`
  return subject === 'millrace' ? `**${text}**` : `${text}; ${ratioText(rowOf('millrace', name), row)}`
}

function table(subjects) {
  const line = cells => `| ${cells.join(' | ')} |`
  const { runs, node } = rows[0]
  return [
    `Million records a second: median (least to greatest) of ${runs} interleaved rounds; then how many times as fast millrace was. ${cpus().length} x ${cpus()[0].model.trim()}, Node ${node}.`,
    '',
    line(['', ...Object.values(CASES)]),
    '|---|---|---|---|',
    ...subjects.map(name => line([SUBJECTS[name], ...Object.keys(CASES).map(each => cell(name, each))])),
  ].join('\n')
}

for (const [page, subjects] of [
  ['README.md', OF_README],
  ['docs/guides/performance.md', OF_GUIDE],
]) {
  const path = new URL(`../${page}`, import.meta.url)
  const text = readFileSync(path, 'utf8')
  const marks = /(<!-- figures -->\n\n).*?(\n\n<!-- \/figures -->)/s
  if (!marks.test(text)) throw new Error(`${page} has no place for figures`)
  writeFileSync(
    path,
    text.replace(marks, (_, begin, end) => `${begin}${table(subjects)}${end}`),
  )
  console.log(`wrote the figures of ${page}`)
}
