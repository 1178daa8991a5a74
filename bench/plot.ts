/**
 * Draws rows as SVG, readable on a light and on a dark page: rates as bars, each with its least and greatest round, and latencies as
 * percentiles. Ours are green, rivals that do the same work by hand are amber, all others grey.
 *
 * Main thread. The drawing library wants a document; this one is made of plain objects.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import { bestByHand, isByHand } from './best-by-hand.ts'
import type { Row } from './row.ts'

const oursColour = '#1a7f6b'
const sameWorkColour = '#bf8700'
const othersColour = '#8b949e'
const width = 760
const rowHeight = 24
const million = 1e6

/** In the order of the page. */
const rateCases: readonly (readonly [name: string, title: string])[] = [
  ['eachBatch', 'publishBatch of 512'],
  ['eachMessage', 'tryPublish'],
  ['awaited', 'publish, awaited by 1,000'],
]

const latencyCases: readonly (readonly [name: string, title: string])[] = [
  ['latency-1k', '1,000 a second'],
  ['latency-10k', '10,000 a second'],
  ['latency-50k', '50,000 a second'],
]

const style = `
svg { color: #1f2328; background: none; }
svg text { white-space: pre; }
@media (prefers-color-scheme: dark) { svg { color: #e6edf3; } }
`

/** Writes those figures whose rows were measured into the folder; returns their paths. */
export function writeFigures(rows: readonly Row[], folder: string): readonly string[] {
  mkdirSync(folder, { recursive: true })
  const figures = [
    ...['64', '1024', 'json'].map(payload => [`throughput-${payload}.svg`, rateFigure(rows, payload)] as const),
    ['latency.svg', latencyFigure(rows)] as const,
  ]
  return figures.flatMap(([name, figure]) => {
    if (figure === undefined) return []
    const path = join(folder, name)
    writeFileSync(path, figure)
    return path
  })
}

function rateFigure(rows: readonly Row[], payload: string): string | undefined {
  const isJson = payload === 'json'
  const bars = rateCases.flatMap(([name, title]) =>
    rows
      .filter(
        row =>
          row.suite === 'pipeline' &&
          row.metric === 'throughput' &&
          row.case === (isJson ? `${name}-json` : name) &&
          (isJson || String(row.payloadBytes) === payload) &&
          row.subject !== bestByHand,
      )
      .map(({ subject, median, min, max }) => ({
        title,
        subject,
        median: median / million,
        min: min / million,
        max: max / million,
      })),
  )
  if (bars.length === 0) return undefined
  const subjects = [...new Set(bars.map(({ subject }) => subject))]
  const titles = rateCases.map(([, title]) => title)
  return toSvg({
    width,
    height: rowHeight * subjects.length + 80,
    ariaLabel: 'Records a second of millrace and its rivals, with the least and the greatest round',
    marginLeft: 170,
    x: { label: 'million records a second', grid: true, ticks: 4 },
    y: { domain: subjects, label: null },
    fx: { domain: titles, label: null },
    marks: [
      Plot.barX(bars, {
        x: 'median',
        y: 'subject',
        fx: 'title',
        insetTop: 3,
        insetBottom: 3,
        fill: colourOf,
      }),
      Plot.ruleY(bars, { x1: 'min', x2: 'max', y: 'subject', fx: 'title', stroke: 'currentColor', strokeWidth: 1.5 }),
      Plot.tickX(bars, { x: 'min', y: 'subject', fx: 'title', inset: 7 }),
      Plot.tickX(bars, { x: 'max', y: 'subject', fx: 'title', inset: 7 }),
    ],
  })
}

function latencyFigure(rows: readonly Row[]): string | undefined {
  const points = latencyCases.flatMap(([name, title]) =>
    rows
      .filter(row => row.case === name && row.unit === 'us')
      .map(({ subject, metric, median, min, max }) => ({ title, subject, metric, median, min, max })),
  )
  if (points.length === 0) return undefined
  const lastTitle = points.at(-1)?.title
  return toSvg({
    width,
    height: 330,
    ariaLabel: 'Latencies from publish to the handler, of millrace and postMessage',
    marginTop: 40,
    marginLeft: 60,
    marginRight: 80,
    x: { domain: ['p50', 'p99', 'p99.9'], label: null, type: 'point' },
    y: { type: 'log', label: 'us from publish to the handler', grid: true, tickFormat: ',' },
    fx: { domain: latencyCases.map(([, title]) => title), label: null },
    marks: [
      Plot.ruleX(points, { x: 'metric', y1: 'min', y2: 'max', fx: 'title', stroke: colourOf, strokeOpacity: 0.5 }),
      Plot.lineY(points, { x: 'metric', y: 'median', z: 'subject', fx: 'title', stroke: colourOf, strokeWidth: 2 }),
      Plot.dot(points, { x: 'metric', y: 'median', fx: 'title', fill: colourOf }),
      Plot.text(
        points.filter(({ metric, title }) => metric === 'p99.9' && title === lastTitle),
        { x: 'metric', y: 'median', fx: 'title', text: 'subject', dx: 8, textAnchor: 'start', fill: colourOf },
      ),
    ],
  })
}

function colourOf({ subject }: { readonly subject: string }): string {
  if (subject === 'millrace') return oursColour
  return isByHand(subject) ? sameWorkColour : othersColour
}

function toSvg(options: Plot.PlotOptions): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>')
  const svg = Plot.plot({ ...options, document: document as never })
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg')
  // The library's style is for pages that it draws into.
  svg.querySelector('style')?.remove()
  const own = document.createElement('style')
  own.textContent = style
  svg.append(own as never)
  return `${svg.outerHTML}\n`
}
