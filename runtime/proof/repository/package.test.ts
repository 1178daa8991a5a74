/**
 * What the two packages contain: all that they promise, and nothing that only the repository needs.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import t from 'tap'
import { repositoryRoot } from '../fixtures/repository.fixture.ts'

interface Manifest {
  readonly exports: { readonly [door: string]: string | { readonly types: string; readonly default: string } }
  readonly bin?: { readonly [command: string]: string }
}

const root = repositoryRoot()

interface Packed {
  readonly name: string
  readonly files: readonly { readonly path: string }[]
}

/** By folder: the paths in its package, as npm would pack both. */
function packedPaths(folders: readonly string[]): ReadonlyMap<string, ReadonlySet<string>> {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts', '--workspaces', '--include-workspace-root']
  const json = execFileSync('npm', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  const listed: unknown = JSON.parse(json)
  const packages = Object.values(listed as Record<string, Packed>)
  t.equal(packages.length, folders.length)
  return new Map(
    folders.map(folder => {
      const { name } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as Packed
      const found = packages.find(each => each.name === name)
      return [folder, new Set(found?.files.map(({ path }) => path))]
    }),
  )
}

/** What package.json says that users can reach. */
function promisedPaths(folder: string): string[] {
  const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as Manifest
  const doors = Object.values(manifest.exports).flatMap(door =>
    typeof door === 'string' ? door : [door.types, door.default],
  )
  return [...doors, ...Object.values(manifest.bin ?? {})].map(path => path.replace(/^\.\//, ''))
}

/** Relative links of a document, outside of code, that lead to none of these files. */
function deadLinks(path: string, text: string, files: ReadonlySet<string>): string[] {
  const prose = text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter(target => !/^([a-z]+:|#)/.test(target))
    .filter(target => !files.has(posix.join(posix.dirname(path), target.replace(/#.*/, ''))))
}

const packed = packedPaths(['.', 'ring'])

for (const [folder, paths] of packed) {
  t.test(`the package in ${folder} has every file that its package.json names`, async t => {
    for (const path of [...promisedPaths(folder), 'LICENSE', 'README.md']) t.ok(paths.has(path), path)
  })

  t.test(`the package in ${folder} has no tests, sources or build records`, async t => {
    const unwanted = [...paths].filter(
      path =>
        /\.(test|fixture)\.|\/fixtures\/|\.tsbuildinfo$|^(\.|examples|bench)/.test(path) ||
        (path.endsWith('.ts') && !path.endsWith('.d.ts')),
    )
    t.strictSame(unwanted, [])
  })
}

t.test('finds links that lead out of a package', async t => {
  const text = '[a](a.md) [b](../b.md#c) [c](https://c.d) [e](#e) `[f](f.md)`\n\n```\n[g](g.md)\n```\n'
  t.strictSame(deadLinks('docs/x.md', text, new Set(['docs/a.md'])), ['../b.md#c'])
  t.strictSame(deadLinks('docs/x.md', text, new Set(['docs/a.md', 'b.md'])), [])
})

for (const [folder, paths] of packed)
  t.test(`documents of the package in ${folder} link to files in it only`, async t => {
    const documents = [...paths].filter(path => path.endsWith('.md'))
    t.ok(documents.includes('README.md'))
    const dead = documents.flatMap(path =>
      deadLinks(path, readFileSync(join(root, folder, path), 'utf8'), paths).map(link => `${path}: ${link}`),
    )
    t.strictSame(dead, [])
  })

t.test('the root package has both halves of the runtime and its doors', async t => {
  const paths = packed.get('.') as ReadonlySet<string>
  t.equal(packed.size, 2)
  for (const path of [
    'dist/runtime/index.bundle.js',
    'dist/runtime/door.bundle.js',
    'dist/runtime/index.d.ts',
    'dist/runtime/api/broker.bundle.js',
    'dist/runtime/api/broker-parts.bundle.js',
    'dist/runtime/cli/run-command.bundle.js',
    'dist/runtime/control/control-entry.bundle.js',
    'dist/runtime/control/control-start.bundle.js',
    'dist/runtime/host/partition-host.bundle.js',
    'dist/runtime/delivery/handler-host.bundle.js',
    'ERRORS.md',
    'CHANGELOG.md',
    'SECURITY.md',
    'docs/guarantees.md',
  ]) {
    t.ok(paths.has(path), path)
  }
  t.ok(
    [...paths].some(path => path.startsWith('dist/actors/')),
    'dist/actors',
  )
})

t.test('the package has every module that its doors load, at once or later', async t => {
  const paths = packed.get('.') as ReadonlySet<string>
  for (const door of promisedPaths('.').filter(path => path.endsWith('.js'))) {
    const loaded = new Set([door])
    for (const path of loaded) {
      const code = readFileSync(join(root, path), 'utf8')
      for (const [, specifier = ''] of code.matchAll(/(?:\bfrom|\bimport|\bimport\() ?'(\.[^']+\.js)'/g))
        loaded.add(posix.join(posix.dirname(path), specifier))
    }
    t.strictSame(
      [...loaded].filter(path => !paths.has(path)),
      [],
      door,
    )
    t.ok(loaded.size > 5, `${door}: ${loaded.size} modules`)
  }
})

t.test('both doors open by import and by require', async t => {
  for (const door of ['millrace', 'millrace/testing']) {
    const run = (code: string, ...flags: readonly string[]): string =>
      execFileSync(process.execPath, [...flags, '-e', code], { cwd: root, encoding: 'utf8' })
    const names = run(`console.log(Object.keys(require('${door}')).sort().join())`)
    t.equal(run(`console.log(Object.keys(await import('${door}')).sort().join())`, '--input-type=module'), names, door)
    t.match(names, door === 'millrace' ? /createBroker/ : /conformance.*embeddedEngine.*openTopic/)
  }
})
