/**
 * Writes the figures of the README and of the guide to performance anew, from a measurement on this machine:
 *
 *   npm run -s bench -- pipeline --payload 64 --json | node .ci/figures.mjs
 *
 * Each page has a table between `<!-- figures -->` and `<!-- /figures -->`. A cell has the median, the least and the greatest of the rounds, in
 * million records a second. The guide has all rivals, with the ratio of millrace to each; the README has three of them.
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
  postMessage: '`postMessage`, one message a record',
  'postMessage-100': '`postMessage`, 100 records a buffer',
  'ringbuf.js': 'ringbuf.js',
  piscina: 'piscina, one task a record',
  rxjs: 'rxjs, same thread, no copy',
  'raw-pipeline': 'our own bare path: no keys, offsets, receipts, objects',
}
const OF_README = ['millrace', 'postMessage', 'postMessage-100', 'piscina']
const DIGITS = 2

const rows = JSON.parse(readFileSync(0, 'utf8')).filter(({ metric }) => metric === 'throughput')
const rowOf = (subject, name) => rows.find(row => row.subject === subject && row.case === name)
const millions = value => Number((value / 1e6).toPrecision(DIGITS))

function cell(subject, name, hasRatio) {
  const row = rowOf(subject, name)
  if (row === undefined) return '-'
  const text = `${millions(row.median)} (${millions(row.min)} to ${millions(row.max)})`
  if (subject === 'millrace') return `**${text}**`
  return hasRatio ? `${text}; ${Number((rowOf('millrace', name).median / row.median).toPrecision(DIGITS))}x` : text
}

function table(subjects, hasRatio) {
  const line = cells => `| ${cells.join(' | ')} |`
  const { runs, node } = rows[0]
  return [
    `Million records a second: median (least to greatest) of ${runs} interleaved rounds, on\n${cpus().length} x ${cpus()[0].model.trim()}, Node ${node}.`,
    '',
    line(['', ...Object.values(CASES)]),
    '|---|---|---|---|',
    ...subjects.map(name => line([SUBJECTS[name], ...Object.keys(CASES).map(each => cell(name, each, hasRatio))])),
  ].join('\n')
}

for (const [page, subjects, hasRatio] of [
  ['README.md', OF_README, false],
  ['docs/guides/performance.md', Object.keys(SUBJECTS), true],
]) {
  const path = new URL(`../${page}`, import.meta.url)
  const text = readFileSync(path, 'utf8')
  const marks = /(<!-- figures -->\n\n).*?(\n\n<!-- \/figures -->)/s
  if (!marks.test(text)) throw new Error(`${page} has no place for figures`)
  writeFileSync(
    path,
    text.replace(marks, (_, begin, end) => `${begin}${table(subjects, hasRatio)}${end}`),
  )
  console.log(`wrote the figures of ${page}`)
}
