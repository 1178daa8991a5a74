/**
 * Where a syntax error in a module is. Node says so to the standard error of a process that it ends, and to nobody else: so a process is
 * asked to check the file.
 *
 * The handler host's thread, which cannot begin anyway. Bound: 5 s.
 */
import { basename } from 'node:path'

const CHECK_MS_MAX = 5_000
const CODE_CHARS_MAX = 100

/** Place and line of code, such as ` at /app/mail.js:3, "let = 1"`; '': the file itself has no syntax error, or that cannot be told. */
export async function syntaxPlace(path: string): Promise<string> {
  // Electron and single executables would start another of themselves.
  if (!/\.[cm]?js$/.test(path) || !/^node(?:js)?(?:\.exe)?$/i.test(basename(process.execPath))) return ''
  try {
    // Every handler thread would load it else.
    const { spawnSync } = await import('node:child_process')
    const { stderr } = spawnSync(process.execPath, ['--check', path], {
      encoding: 'utf8',
      timeout: CHECK_MS_MAX,
      windowsHide: true,
      env: { ...process.env, NODE_OPTIONS: '' },
    })
    const [place = '', code = ''] = stderr.split('\n')
    const line = /:(\d+)$/.exec(place.trim())?.[1]
    return line === undefined ? '' : ` at ${path}:${line}, \`${code.trim().slice(0, CODE_CHARS_MAX)}\``
  } catch {
    // Processes are not allowed here.
    return ''
  }
}
