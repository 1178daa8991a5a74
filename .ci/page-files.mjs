/**
 * Writes the documents' programs that have a given extension to a folder: node .ci/page-files.mjs EXTENSION FOLDER
 *
 * After a build. `runtime/proof/fixtures/pages.fixture.ts` says what a program is. Pages that need packages of others are left out.
 * Finding none is a failure.
 */
import { writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pagesOf } from '../dist/runtime/proof/fixtures/pages.fixture.js'

const [extension, folder] = process.argv.slice(2)
const pages = pagesOf(fileURLToPath(new URL('..', import.meta.url))).filter(({ needs }) => needs.length === 0)
const chosen = pages
  .flatMap(({ parts }) => parts)
  .filter(({ name, kind }) => kind !== 'command' && name.endsWith(extension))
if (chosen.length === 0) throw new Error(`no page has a program ending in ${extension}`)
for (const { name, source } of chosen) {
  writeFileSync(join(folder, basename(name)), source)
  console.log(`wrote ${name}`)
}
