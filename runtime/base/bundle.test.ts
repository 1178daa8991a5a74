/** Threads load their bundles, and users that of the door, which share with other modules what must exist only once on a thread. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { bundleOf } from './bundle.ts'

t.test('a module whose bundle stands beside it is loaded from there, any other by itself', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bundle-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const module = pathToFileURL(join(folder, 'entry.js'))
  t.equal(bundleOf(module).href, module.href)
  writeFileSync(join(folder, 'entry.bundle.js'), '')
  t.equal(bundleOf(module).href, pathToFileURL(join(folder, 'entry.bundle.js')).href)
  t.equal(module.href, pathToFileURL(join(folder, 'entry.js')).href, 'what was given is unchanged')
  const hosted = new URL('https://host/entry.js')
  t.equal(bundleOf(hosted).href, hosted.href)
})

const SHARED = ['../../actors/error-wire.js', '../words/errors.js']

t.test('a bundle is the modules of its thread, and what it shares it imports', async t => {
  for (const [module, ...shared] of [
    ['control/control-entry.js'],
    ['control/control-start.js', ...SHARED, './control-entry.bundle.js'],
    ['host/partition-host.js', ...SHARED],
    ['delivery/handler-host.js', ...SHARED],
    ['cli/run-command.js', '../api/broker-parts.bundle.js', '../door.bundle.js', '../words/errors.js'],
  ] as const) {
    const bundle = bundleOf(new URL(`../${module}`, import.meta.url))
    t.match(bundle.href, /\.bundle\.js$/, `the build has made one for ${module}`)
    const imported = [...readFileSync(bundle, 'utf8').matchAll(/^import .* from '([^']+)';$/gm)].map(([, from]) => from)
    t.strictSame(imported.filter(from => from?.startsWith('.')).sort(), shared, module)
  }
})

t.test('the broker imports what the door has loaded, so that each exists once', async t => {
  const read = (file: string): string => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')
  const imported = (code: string): unknown[] =>
    [...code.matchAll(/^(?:import|export) .* from '(\.[^']+)';$/gm)].map(([, from]) => from)
  const [index, door, broker] = ['index.bundle.js', 'door.bundle.js', 'api/broker.bundle.js'].map(read) as [
    string,
    string,
    string,
  ]
  t.strictSame(imported(index), ['./door.bundle.js', './words/errors.js'], 'exports, and nothing else')
  t.strictSame(imported(door), ['./words/errors.js'])
  t.match(door, /await import\('\.\/api\/broker\.bundle\.js'\)/, 'with the first broker')
  t.strictSame(imported(broker).sort(), [
    '../../actors/error-wire.js',
    '../door.bundle.js',
    '../words/errors.js',
    './broker-parts.bundle.js',
  ])
  t.match(door, /new URL\('\.\.\/control\/control-entry\.js'/, 'whose threads start before its modules are loaded')
  for (const shared of ['RecordDelivery', 'FetchedBytes', 'UserContext']) {
    t.match(door, new RegExp(`^class ${shared}\\b`, 'm'))
    t.notMatch(broker, new RegExp(`^class ${shared}\\b`, 'm'))
  }
  t.match(broker, /^class TopicProducer\b/m)
  t.notMatch(door, /^class TopicProducer\b/m)
})
