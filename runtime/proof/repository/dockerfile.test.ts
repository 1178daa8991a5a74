/** `.ci/dockerfile.mjs` plays a Dockerfile in a folder, and says so when its program does not end as a container's should. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { repositoryRoot } from '../fixtures/repository.fixture.ts'

interface Image {
  readonly workdir: string
}

interface Player {
  build(context: string, image: string): Promise<Image>
  startAndStop(image: Image, wanted: string): Promise<number>
}

const path = join(repositoryRoot(), '.ci/dockerfile.mjs')
const { build, startAndStop } = (await import(pathToFileURL(path).href)) as Player
const folder = mkdtempSync(join(tmpdir(), 'millrace-dockerfile-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

const LISTENS = "process.on('SIGTERM', () => process.exit(Number(process.env.CODE)))\n"
const STAYS = "setInterval(() => {}, 1_000)\nconsole.log('first')\nconsole.log('second', process.env.DATA)\n"

function imageOf(name: string, program: string, last = 'CMD ["node", "main.js"]'): Promise<Image> {
  const context = join(folder, name)
  mkdirSync(context)
  const lines = ['FROM node', '', 'WORKDIR /app', 'COPY main.js ./', 'RUN touch made', 'ENV CODE=0 DATA=/data', last]
  writeFileSync(join(context, 'Dockerfile'), lines.join('\n'))
  writeFileSync(join(context, 'main.js'), program)
  return build(context, join(folder, `${name}-image`))
}

t.test('a program that listens ends with its exit code', async t => {
  const image = await imageOf('good', `require('node:fs').statSync('made')\n${LISTENS}${STAYS}`)
  t.equal(image.workdir, join(folder, 'good-image', 'app'))
  t.equal(await startAndStop(image, `first\nsecond ${join(folder, 'good-image', 'data')}`), 0)
})

t.test('a program that SIGTERM ends by itself is refused', async t => {
  await t.rejects(startAndStop(await imageOf('deaf', STAYS), 'second'), { message: /^it ended by SIGTERM/ })
})

t.test('a program that ends before it has printed what it should is refused', async t => {
  await t.rejects(startAndStop(await imageOf('short', "console.log('first')"), 'second'), { message: /^it ended by 0/ })
})

t.test('a line that is not known is refused', async t => {
  await t.rejects(imageOf('foreign', '', 'ADD main.js /'), { message: 'a line that is not known here: ADD main.js /' })
  await t.rejects(imageOf('idle', '', ''), { message: 'the Dockerfile has no CMD' })
})
