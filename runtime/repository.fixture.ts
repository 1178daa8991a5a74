/**
 * Where the repository is, for tests that read its files. They run compiled, from `dist`.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The nearest folder upwards whose package.json is named millrace. */
export function repositoryRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (dirname(folder) !== folder) {
    const manifest = join(folder, 'package.json')
    if (existsSync(manifest) && /"name":\s*"millrace"/.test(readFileSync(manifest, 'utf8'))) return folder
    folder = dirname(folder)
  }
  throw new Error('these tests run inside the repository of millrace')
}
