/**
 * Runs the programs and commands of the documents, as they stand there. `pages.fixture.ts` says how a page marks them.
 *
 * Where only a portion is asked for: of the first pages, of those that the last commit or what is not committed has changed, and of a
 * third of the others, another one each day.
 */
import { execFileSync } from 'node:child_process'
import t from 'tap'
import { type Page, pagesOf, playPage, readPage } from '../fixtures/pages.fixture.ts'
import { portion } from '../fixtures/portion.fixture.ts'
import { repositoryRoot } from '../fixtures/repository.fixture.ts'

/** What a new user runs. */
const FIRST = ['README.md', 'docs/guides/getting-started.md']
/** One in this many of the other pages. */
const PAGES = 3

/** Pages that are played at the same time: most programs wait for more than they compute. */
const TOGETHER = 2

const root = repositoryRoot()
const pages = pagesOf(root)
const playable = pages.filter(({ needs, parts }) => needs.length === 0 && parts.length > 0)
const changed = portion.of === 1 ? [] : changedPages()
const played = playable.filter(
  ({ path }, at) =>
    portion.of === 1 || FIRST.includes(path) || changed.includes(path) || (at + portion.seed) % PAGES === 0,
)

/** None where there is no repository, or only its last commit. */
function changedPages(): string[] {
  const listed = (...args: string[]): string[] =>
    execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: 'pipe' }).split('\n')
  try {
    return [...listed('diff', '--name-only', 'HEAD~1'), ...listed('ls-files', '--others', '--exclude-standard')]
  } catch {
    return []
  }
}

/** Calls `work` for each page, for `TOGETHER` at a time, and has a promise for each. */
function limited<T>(work: (page: Page) => Promise<T>): Map<Page, Promise<T>> {
  const lines: Promise<unknown>[] = Array.from({ length: TOGETHER }, () => Promise.resolve())
  return new Map(
    played.map((page, at) => {
      const result = (lines[at % TOGETHER] as Promise<unknown>).then(() => work(page))
      lines[at % TOGETHER] = result.catch(() => {})
      return [page, result]
    }),
  )
}

const results = limited(page => playPage(root, page))

t.test('a page says what is written, run and printed', async t => {
  const fence = '```'
  const text = [
    '<!-- needs: a b -->',
    `<!-- file: main.js -->\n${fence}js\nimport './part.js'\n${fence}\n\n<!-- output -->\n${fence}\nyes\n${fence}`,
    `<!-- file: part.js -->\n${fence}js\nconsole.log('yes')\n${fence}`,
    `<!-- file: data.csv -->\n${fence}csv\n1\n${fence}`,
    `<!-- command -->\n${fence}sh\ncat data.csv\n${fence}`,
    `<!-- not run: it needs a server -->\n${fence}js\nleft()\n${fence}`,
    `text\n\n${fence}ts\nforgotten()\n${fence}`,
  ].join('\n\n')
  const { needs, parts, unplayed } = readPage('x.md', text)
  t.strictSame(needs, ['a', 'b'])
  t.strictSame(
    parts.map(({ kind, name, output }) => [kind, name, output]),
    [
      ['program', 'main.js', 'yes\n'],
      ['file', 'part.js', null],
      ['file', 'data.csv', null],
      ['command', 'cat data.csv', null],
    ],
  )
  t.strictSame(unplayed, ['forgotten()'])
})

t.test('each program of the documents is run, or the page says why not', async t => {
  t.ok(playable.some(({ path }) => path === 'README.md') && playable.some(({ path }) => path === 'ring/README.md'))
  t.strictSame(
    pages.flatMap(({ path, unplayed }) => unplayed.map(line => `${path}: ${line}`)),
    [],
  )
  for (const { path, parts } of pages) {
    const names = parts.filter(({ kind }) => kind !== 'command').map(({ name }) => name.replace(/\.ts$/, '.js'))
    t.equal(new Set(names).size, names.length, `no two programs of ${path} share a name`)
  }
  const typed = pages.flatMap(({ parts }) => parts).filter(({ name }) => name.endsWith('.ts'))
  t.ok(typed.length > 0)
  t.equal(new Set(typed.map(({ name }) => name)).size, typed.length, 'one folder can hold all of TypeScript')
})

for (const page of played) {
  t.test(`${page.path} does what it says`, async t => {
    for (const [{ name, output }, { code, stdout, stderr }] of await (results.get(page) ?? [])) {
      t.equal(code, 0, `${name} ends by itself, with 0`, { stdout, stderr })
      if (output !== null) t.equal(stdout.trim(), output.trim(), `${name} prints that`, { stderr })
    }
  })
}
