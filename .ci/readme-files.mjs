/**
 * Writes the README's programs that have a given extension to a folder: node .ci/readme-files.mjs EXTENSION FOLDER
 *
 * A program is a fenced block that follows a comment like `<!-- file: main.js -->`. Finding none is a failure.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'

const [extension, folder] = process.argv.slice(2)
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const programs = [...readme.matchAll(/<!-- file: (\S+) -->\n+```\w+\n(.*?)```/gs)]
const chosen = programs.filter(([, name]) => name.endsWith(extension))
if (chosen.length === 0) throw new Error(`README.md has no program ending in ${extension}`)
for (const [, name, source] of chosen) {
  writeFileSync(join(folder, basename(name)), source)
  console.log(`wrote ${name}`)
}
