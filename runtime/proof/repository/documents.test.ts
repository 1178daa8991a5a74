/**
 * Judges the documents: links, named files, the length of sentences, and the table of guarantees in ARCHITECTURE.md.
 *
 * Code, tables and the targets of links are no prose. A sentence ends at `.`, `!` or `?` before a capital letter, and at the end
 * of its paragraph or list item. A piece of inline code is one word.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import t from 'tap'
import { repositoryRoot } from '../fixtures/repository.fixture.ts'

const WORDS_MAX = 30
const MAP_LINES_MAX = 200
const README_LINES_MAX = 260
/** Persons that stand for processes, and metaphors where Kafka and AMQP have a word. */
const FOREIGN_WORDS =
  /\b(?:nobody|somebody|anybody|whoever|obituar\w+|bur(?:y|ies|ied)|desks?|offices?|lent|let go|lets go)\b/i

const root = repositoryRoot()

/** Folders that hold no document of ours. */
const FOREIGN = /(^|\/)(node_modules|dist|\.git|\.tap)(\/|$)/

function markdownIn(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map(path => posix.join(folder, path.replaceAll('\\', '/')))
    .filter(path => path.endsWith('.md') && !FOREIGN.test(path))
    .sort()
}

const DOCUMENTS = [
  ...readdirSync(root).filter(name => name.endsWith('.md')),
  ...['docs', 'ring', 'actors', 'runtime', 'examples', 'bench'].flatMap(markdownIn),
]

function textOf(path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

function withoutBlocks(text: string): string {
  return text.replace(/^ *```.*?^ *```$/gms, '\n')
}

/** The sentences of a document, each as one line, with inline code as one word. */
function sentencesOf(text: string): string[] {
  return withoutBlocks(text)
    .replace(/<!--.*?-->/gs, '')
    .replace(/^\|.*$/gm, '\n')
    .split(/\n\s*\n|\n(?=\s*(?:[*-]|\d+\.) )|\n(?=#)|\n(?=\*\*)/)
    .map(block =>
      block
        .replace(/`[^`]*`/g, 'Code')
        .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .replace(/\s+/g, ' ')
        .trim(),
    )
    .flatMap(block => block.split(/(?<=[.!?]["'”)*]*) +(?=["'“(*]*[\p{Lu}\d])/u))
    .filter(sentence => sentence !== '')
}

function wordsIn(sentence: string): number {
  return sentence.match(/[\p{L}\p{N}][\p{L}\p{N}'’./_:-]*/gu)?.length ?? 0
}

function longSentences(path: string, text: string): string[] {
  return sentencesOf(text)
    .map(sentence => ({ sentence, words: wordsIn(sentence) }))
    .filter(({ words }) => words > WORDS_MAX)
    .map(({ sentence, words }) => `${path}, ${words} words: ${sentence}`)
}

/** The anchors of a document's headings, as GitHub and npm make them. */
function anchorsOf(path: string): Set<string> {
  const headings = [...withoutBlocks(textOf(path)).matchAll(/^#+ +(.+)$/gm)].map(([, heading = '']) => heading)
  const slugs = headings.map(heading =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  )
  return new Set(
    slugs.map((slug, at) => {
      const before = slugs.slice(0, at).filter(other => other === slug).length
      return before === 0 ? slug : `${slug}-${before}`
    }),
  )
}

t.test('counts words outside of code, tables and links', async t => {
  const words = Array.from({ length: WORDS_MAX }, () => 'word').join(' ')
  t.strictSame(longSentences('x.md', `${words}.`), [])
  t.equal(longSentences('x.md', `${words} more.`).length, 1)
  t.equal(longSentences('x.md', `* first\n* ${words}\n  more\n`).length, 1, 'a list item')
  t.equal(longSentences('x.md', `${words}: more, without an end`).length, 1, 'a colon ends no sentence')
  t.strictSame(longSentences('x.md', `${words}. More.\n\n| ${words} | ${words} |\n`), [], 'a table')
  t.strictSame(
    longSentences('x.md', `\`\`\`\n${words} ${words}\n\`\`\`\n\n[${words}](a/b/c "d e")`),
    [],
    'code, a link',
  )
})

t.test(`no sentence of a document has more than ${WORDS_MAX} words`, async t => {
  t.ok(DOCUMENTS.includes('docs/guarantees.md') && DOCUMENTS.includes('ring/README.md'))
  t.strictSame(
    DOCUMENTS.flatMap(path => longSentences(path, textOf(path))),
    [],
  )
})

t.test('documents have the words of the field', async t => {
  const foreign = DOCUMENTS.flatMap(path =>
    sentencesOf(textOf(path))
      .filter(sentence => FOREIGN_WORDS.test(sentence))
      .map(sentence => `${path}: ${sentence}`),
  )
  t.strictSame(foreign, [])
})

t.test(`ARCHITECTURE.md is a map of at most ${MAP_LINES_MAX} lines`, async t => {
  const lines = textOf('ARCHITECTURE.md').split('\n').length - 1
  t.ok(lines <= MAP_LINES_MAX, `${lines} lines`)
})

t.test(`README.md is a first look of at most ${README_LINES_MAX} lines`, async t => {
  const lines = textOf('README.md').split('\n').length - 1
  t.ok(lines <= README_LINES_MAX, `${lines} lines`)
})

t.test('each page for users stands in the index of its folder, or in that of docs/', async t => {
  const pages = DOCUMENTS.filter(path => path.startsWith('docs/') && !path.startsWith('docs/decisions/'))
  const indexes = ['docs/README.md', 'docs/recipes/README.md'].filter(path => pages.includes(path))
  const listed = indexes.flatMap(index =>
    [...textOf(index).matchAll(/\]\(([^()\s#]+\.md)\)/g)].map(([, link = '']) =>
      posix.join(posix.dirname(index), link),
    ),
  )
  t.strictSame(
    pages.filter(path => path !== 'docs/README.md' && !listed.includes(path)),
    [],
  )
})

t.test('the index of decisions has each of them once, in order', async t => {
  const folder = 'docs/decisions'
  const rows = [...textOf(`${folder}/README.md`).matchAll(/^\| \[(\d+)\]\(([^()]+)\) \| .* \|$/gm)]
  const decisions = DOCUMENTS.filter(path => new RegExp(`^${folder}/\\d`).test(path))
  t.ok(decisions.length > 30)
  t.strictSame(
    rows.map(([, number, path = '']) => [posix.join(folder, path), `${number}-`]),
    decisions.map(path => [path, posix.basename(path).slice(0, 4)]),
  )
})

t.test('no document has what a merge left', async t => {
  for (const document of DOCUMENTS) t.notMatch(textOf(document), /^(<{7}|={7}|>{7})( |$)/m, document)
})

t.test('each relative link of the documents, and each anchor, leads to something', async t => {
  let links = 0
  for (const document of DOCUMENTS) {
    for (const [, target = ''] of withoutBlocks(textOf(document)).matchAll(/\]\(([^()\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      links++
      const [path = '', anchor] = target.split('#')
      const file = path === '' ? document : posix.join(posix.dirname(document), path)
      if (!existsSync(join(root, file))) t.fail(`${document}: there is no ${target}`)
      else if (anchor !== undefined && !anchorsOf(file).has(anchor)) t.fail(`${document}: ${file} has no ${anchor}`)
    }
  }
  t.ok(links > 5, `${links} links`)
})

t.test('each of our files that a document names by its path exists', async t => {
  let named = 0
  for (const document of DOCUMENTS.filter(path => path !== 'CHANGELOG.md')) {
    const folders = ['', 'runtime', 'runtime/proof', posix.dirname(document)]
    for (const [, path = ''] of withoutBlocks(textOf(document)).matchAll(/`([\w./-]+\/[\w.-]+\.(?:ts|mjs|json))`/g)) {
      // What the build makes is named in documents, too.
      if (path.startsWith('dist/')) continue
      named++
      if (!folders.some(folder => existsSync(join(root, folder, path)))) t.fail(`${document}: there is no ${path}`)
    }
  }
  t.ok(named > 50, `${named} files`)
})

/** `A1-A4` as A1, A2, A3, A4; any other name as itself. */
function namesIn(cell: string): string[] {
  return cell.split(/[;,]/).flatMap(part => {
    const name = part.trim()
    const [, letter, from, to] = /^([A-Z])(\d+)-\1(\d+)$/.exec(name) ?? []
    if (letter === undefined) return [name]
    return Array.from({ length: Number(to) - Number(from) + 1 }, (_, i) => `${letter}${Number(from) + i}`)
  })
}

t.test('ARCHITECTURE.md leads from each guarantee to files that keep it and to a test', async t => {
  const [, section = ''] = textOf('ARCHITECTURE.md').split('## Guarantees in the code')
  const [table = ''] = section.split('\n## ')
  const rows = [...table.matchAll(/^\| ([^|]+) \| (`[^|]+`) \| (`[^|]+\.test\.ts`) \|$/gm)]
  const mapped = rows.flatMap(([, names = '']) => namesIn(names))
  const guarantees = textOf('docs/guarantees.md')
  const rules = [...guarantees.matchAll(/^\* \*\*([^*]+?)\.?\*\*/gm)].map(([, name = '']) => name)
  const invariants = [...guarantees.matchAll(/^\| ([A-Z]\d+) \|[^|]*\| now/gm)].map(([, name = '']) => name)
  t.ok(rules.length > 50 && invariants.length > 20)
  t.strictSame(mapped.toSorted(), [...rules, ...invariants].sort(), 'each once, and no other')
  t.strictSame(
    [...guarantees.matchAll(/^\* (?!\*\*).*$/gm)].map(([line]) => line),
    [],
    'each rule has a name',
  )
})
