/**
 * What a test says of a mutant. It has noticed it when it failed by an assertion: not by a crash, a TypeError or
 * RangeError, or the time.
 */
import { Parser } from 'tap-parser'

/** Errors that a broken program throws by itself; a test that means to fail throws none of them. */
const CRASHES = ['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError']

/** What a run that printed TAP came to: how many tests passed, and the first thing that was not ok, best by an assertion. */
export function readTap(text) {
  const failed = []
  let passed = 0
  const parser = new Parser()
  parser.on('result', ({ ok, skip, todo, diag, fullname }) => {
    if (skip || todo) return
    if (ok) passed += 1
    else failed.push({ name: fullname, kind: diag?.type ?? diag?.cause?.type, diag })
  })
  parser.end(text)
  const asserted = failed.find(
    ({ name, kind, diag }) =>
      !CRASHES.includes(kind) && diag?.tapCaught !== 'uncaughtException' && !/(timeout!|test unfinished)$/.test(name),
  )
  return { complete: parser.planEnd !== -1, passed, asserted, first: asserted ?? failed[0] }
}

/** Runs a mutant's test. `kind` is `passed`, `asserted`, or else why it is neither. */
export async function runTest(copy, { program, title, args = [], says }, timeoutMs) {
  const { status, ended, stdout, output, seconds } = await copy.run([program, ...args], {
    timeoutMs,
    env: { TAP: '1', TAP_TIMEOUT: String(timeoutMs / 1000), ...(title && { TAP_GREP: `/${title}/` }) },
  })
  if (ended !== null) return { kind: ended, seconds, detail: '' }
  if (says !== undefined) {
    if (status === 0) return { kind: 'passed', seconds, detail: '' }
    return { kind: output.includes(says) ? 'asserted' : `exit ${status} without a word`, seconds, detail: says }
  }
  const { complete, passed, asserted, first } = readTap(stdout)
  const detail = first?.name ?? output.trim().split('\n').at(-1)
  if (!complete) return { kind: 'crashed', seconds, detail }
  if (status === 0) return { kind: passed > 0 ? 'passed' : 'ran no test', seconds, detail: '' }
  return { kind: asserted ? 'asserted' : 'failed, by no assertion', seconds, detail }
}
