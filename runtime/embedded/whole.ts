/**
 * Checks that the package lies on disk as it was installed. Its threads load files of it, which a bundler leaves
 * behind: then the error names the setting, before anything is started. The thread that opens a broker.
 */
import { existsSync } from 'node:fs'
import { MillraceError } from '../words/errors.ts'

/** Loaded by threads, seen from the control thread's entry; bundlers copy that one file at most. */
const LOADED_BY_THREADS: readonly string[] = [
  '',
  'control-start.js',
  'control-thread.js',
  '../host/partition-host.js',
  '../../actors/boot.js',
]

/**
 * `entry`: makes the URL of the control thread's entry, as a bundler has written it.
 *
 * @throws MillraceError `MILL_THREAD_LOST` if the entry, or a file that it loads, is missing
 */
export function checkWhole(entry: () => URL): void {
  let url: URL
  try {
    url = entry()
  } catch (cause) {
    // A bundle in CommonJS has no `import.meta.url`.
    throw bundled('it has no URL of its own', cause)
  }
  if (url.protocol !== 'file:') throw bundled(`it was loaded from ${url.protocol}`)
  const missing = LOADED_BY_THREADS.map(file => new URL(file, url)).find(file => !existsSync(file))
  if (missing !== undefined) throw bundled(`${missing.pathname} is not there`)
}

function bundled(why: string, cause?: unknown): MillraceError {
  return new MillraceError(
    'MILL_THREAD_LOST',
    `millrace cannot start its threads: ${why}. It was bundled, and must stay a package in node_modules: ` +
      "esbuild `--packages=external` or `--external:millrace`; rollup `external: ['millrace']`; webpack " +
      "`externals: { millrace: 'module millrace' }`; Vite `ssr: { external: ['millrace'] }`; Next.js `serverExternalPackages: ['millrace']`",
    { cause },
  )
}
