/** The programs that suite `programs` compares: ours, and those without a broker. Main thread. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { readFlights } from '../programs/flight-rows.ts'
import type { Subject } from '../subject.ts'
import { programSubject } from './program.ts'

const root = new URL('../../../', import.meta.url)

const programPath = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

export const plainScript: Subject = onLines('plain script', path => [programPath('../programs/plain-script.js'), path])
export const plainLoop: Subject = programSubject({
  name: 'plain loop',
  prepare: async records => [programPath('../programs/plain-loop.js'), String(records)],
  counts: 'published',
})

/** `millrace run`, of the build in this folder. */
export function millraceRun(name: string, folder: URL = root): Subject {
  const cli = fileURLToPath(new URL('dist/runtime/cli/main.js', folder))
  return onLines(name, path => [cli, 'run', programPath('../programs/light-handler.js'), '--input', path, '--json'])
}

/** Example 01, of the build in this folder. */
export function millraceFlights(name: string, folder: URL = root): Subject {
  const example = fileURLToPath(new URL('dist/examples/01-flights/main.js', folder))
  const prepare = async (records: number): Promise<readonly string[]> => [example, '--json', '--limit', String(records)]
  return programSubject({ name, prepare, counts: 'published' })
}

export function folderUrl(path: string): URL {
  return pathToFileURL(join(path, '/'))
}

/** Its input is a file of so many flights, one a line, in a temporary folder. */
function onLines(name: string, argsFor: (path: string) => readonly string[]): Subject {
  let folder: string | undefined
  return programSubject({
    name,
    counts: 'processed',
    async prepare(records) {
      folder ??= mkdtempSync(join(tmpdir(), 'millrace-bench-'))
      const path = join(folder, 'flights.ndjson')
      writeFileSync(path, await flightLines(records))
      return argsFor(path)
    },
    remove() {
      if (folder !== undefined) rmSync(folder, { recursive: true })
      folder = undefined
    },
  })
}

async function flightLines(records: number): Promise<string> {
  const read = await readFlights()
  let text = ''
  for await (const rows of read(records)) text += rows.map(row => `${JSON.stringify(row)}\n`).join('')
  return text
}
