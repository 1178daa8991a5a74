/**
 * Runs several compiled test files in this process, one after the other:
 *
 *   TEST_FILES='FILE …' node .ci/tests/together.mjs NUMBER
 *
 * The number tells processes apart: tap names the folders of `t.testdir` by what stands on the command line.
 * Prints one TAP document. A comment `file: PATH` stands before the tests of each file, and `cpu: SECONDS` after them.
 * Tests named END stand around those, and are none.
 */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { root } from './modules.mjs'
import { END } from './report.mjs'

function cpuSeconds() {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

async function load(file) {
  try {
    await import(pathToFileURL(join(root, file)))
  } catch (error) {
    t.fail(`${file} cannot be loaded`, error)
  }
}

for (const file of (process.env.TEST_FILES ?? '').split(' ')) {
  // What is thrown outside of a test ends the document. The files from here on have not begun, and say so by saying nothing.
  if (t.ended || t.results) break
  const since = cpuSeconds()
  t.comment(`file: ${file}`)
  // Within a test, and its tests wait for that: tap takes a document for ended when none is under way while the file loads.
  await t.test(END, () => load(file))
  // Tests of the same level run in turn: when this one is over, so are those of the file.
  await t.test(END, async () => {})
  t.comment(`cpu: ${cpuSeconds() - since}`)
}
