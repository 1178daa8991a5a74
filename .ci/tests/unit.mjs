/**
 * Test files that run in one process: what came of each of them.
 *
 * A fault counts once. It is a fault of the file that its stack names, or else of the file that was running. Files that the
 * process did not come to are `unreached`: they are to be run in another process. A file that began is never run again.
 */
import { runNode } from './bounded.mjs'
import { readTap } from './report.mjs'

const TOGETHER = '.ci/tests/together.mjs'

/**
 * Runs the files; the number tells processes apart that run at the same time. Resolves with a result for each file that
 * began, the files that did not, how the process ended if that was badly (null: well), what it said on stderr,
 * and its seconds of processor time, those of its children included.
 */
export async function runUnit({ number, files, expectedS }, env = {}) {
  const isAlone = files.length === 1
  const args = isAlone ? files : [TOGETHER, String(number)]
  const { stdout, stderr, ended, seconds, cpu, bySpeed } = await runNode(args, {
    expectedS,
    env: { TEST_FILES: files.join(' '), ...env },
  })
  const { results, isWhole } = readTap(stdout, isAlone ? files[0] : null)
  // A process that did not come to its first file died of it, as far as anybody can say.
  if (results.length === 0) results.push({ file: files[0], passed: 0, failed: 0, failures: [], cpu: null })
  const begun = new Set(results.map(({ file }) => file))
  const unreached = files.filter(file => !begun.has(file))
  const last = results.at(-1)
  const brokeOff = !isAlone && last.cpu === null
  const isSilent = (ended !== null || !isWhole) && results.every(({ failed }) => failed === 0)
  if ((isSilent || brokeOff) && last.failed === 0) blame(last, ended ?? 'broke off')
  for (const each of results) {
    if (each.passed + each.failed === 0) blame(each, 'ran no test')
    each.cpu = (isAlone ? cpu : (each.cpu ?? 0)) / bySpeed
    each.seconds = isAlone ? seconds : null
  }
  return { results, unreached, ended, stderr, cpu: cpu / bySpeed }
}

function blame(result, why) {
  result.failed += 1
  result.failures.push({ name: why, diag: null })
}
