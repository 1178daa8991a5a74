/** Under Node's permission model a broker runs, or says which flag lets it. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import t from 'tap'

/** Its flag is another one on Node 20. */
const PERMISSION = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission'
const DOOR = new URL('../index.js', import.meta.url).href
const PROGRAM = `
import { createBroker, isMillraceError } from '${DOOR}'
try {
  const broker = await createBroker(process.argv[1] === undefined ? {} : { dir: process.argv[1] })
  const topic = await broker.topic('t')
  const { offset } = await topic.publish({ value: 1 })
  await broker.close()
  console.log('published', offset)
} catch (error) {
  console.log(isMillraceError(error), error.code, error.message)
}`

function permitted(flags: readonly string[], ...args: string[]): string {
  const all = [
    PERMISSION,
    '--no-warnings',
    '--allow-fs-read=*',
    ...flags,
    '--input-type=module',
    '-e',
    PROGRAM,
    ...args,
  ]
  return execFileSync(process.execPath, all, {
    encoding: 'utf8',
    env: {},
    cwd: fileURLToPath(new URL('.', import.meta.url)),
  })
}

t.test('in memory it needs threads, and says so', async t => {
  t.match(permitted(['--allow-worker']), /^published 0/)
  t.match(permitted([]), /^true MILL_THREAD_LOST .*--allow-worker/)
})

t.test('on disk it says what is denied', async t => {
  const dir = mkdtempSync(`${tmpdir()}/millrace-denied-`)
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  t.match(permitted(['--allow-worker', `--allow-fs-write=${dir}/*`], dir), /^true MILL_DISK .*must sync its files/)
  t.match(permitted(['--allow-worker'], `${dir}/data`), /^true MILL_DISK .*--allow-fs-write=.*data/)
})
