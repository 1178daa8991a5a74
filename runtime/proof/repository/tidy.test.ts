/**
 * Keeps the house rules honest by reading the sources: who may import whom, and files that nobody uses.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join, posix } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { repositoryRoot } from '../fixtures/repository.fixture.ts'

const ROOMS = ['ring', 'actors', 'runtime', 'examples', 'bench'] as const
const LINES_MAX = 500

interface SourceFile {
  /** From the root, with `/`. */
  readonly path: string
  readonly room: string
  readonly text: string
  /** For tests only: `*.test.ts`, `*.fixture.ts`, folders of fixtures, the long stress programs, and the simulation. */
  readonly testing: boolean
  /** Everything it imports: repository paths for its own files, names for packages. */
  readonly imports: readonly string[]
  /** Files that it starts by their path. */
  readonly starts: readonly string[]
}

const root = repositoryRoot()

function withoutComments(text: string): string {
  return text.replace(/\/\*.*?\*\//gs, '').replace(/(^|\s)\/\/.*$/gm, '$1')
}

/** Specifiers of static and dynamic imports. */
function specifiersOf(text: string): string[] {
  const code = withoutComments(text)
  const patterns = [
    /^\s*(?:import|export)\s[^'"`;]*?from\s*'([^']+)'/gm,
    /^\s*import\s*'([^']+)'/gm,
    /\bimport\(\s*'([^']+)'/g,
  ]
  return patterns.flatMap(pattern => [...code.matchAll(pattern)].map(([, specifier = '']) => specifier))
}

/** Compiled modules that are named in a string, as threads and handlers are started. */
function modulesNamedIn(text: string): string[] {
  return [...withoutComments(text).matchAll(/'(\.{1,2}\/[^'\s]+\.c?js)'/g)].map(([, path = '']) => path)
}

function resolved(from: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier
  return posix.join(posix.dirname(from), specifier).replace(/\.(c?)js$/, '.$1ts')
}

function sourcesOf(room: string): SourceFile[] {
  if (!existsSync(join(root, room))) return []
  return readdirSync(join(root, room), { recursive: true, encoding: 'utf8' })
    .map(path => posix.join(room, path.replaceAll('\\', '/')))
    .filter(path => /\.c?ts$/.test(path) && !/\.d\.c?ts$/.test(path) && !/(^|\/)(dist|node_modules)\//.test(path))
    .map(path => {
      const text = readFileSync(join(root, path), 'utf8')
      const imports = specifiersOf(text).map(specifier => resolved(path, specifier))
      const starts = modulesNamedIn(text).map(specifier => resolved(path, specifier))
      return {
        path,
        room,
        text,
        testing: /\.(test|fixture)\.ts$|\/(fixtures|proof|stress)\//.test(path),
        imports,
        starts,
      }
    })
}

const sources = ROOMS.flatMap(sourcesOf)
const shipped = sources.filter(({ testing }) => !testing)

/** `path -> import` for each import in these rooms that `allowed` refuses. */
function offences(rooms: readonly string[], allowed: (imported: string, file: SourceFile) => boolean): string[] {
  return shipped
    .filter(({ room }) => rooms.includes(room))
    .flatMap(file =>
      file.imports.filter(imported => !allowed(imported, file)).map(imported => `${file.path} -> ${imported}`),
    )
}

function inRoom(imported: string, room: string): boolean {
  return imported.startsWith(`${room}/`) && /\.c?ts$/.test(imported)
}

function isPackage(imported: string, ...names: readonly string[]): boolean {
  return names.some(name => imported === name || imported.startsWith(`${name}/`))
}

t.test('reads the sources that it judges', async t => {
  t.ok(sources.some(({ path }) => path === 'runtime/proof/repository/tidy.test.ts'))
  for (const room of ['ring', 'actors', 'runtime'])
    t.ok(
      shipped.some(file => file.room === room),
      room,
    )
})

t.test('ring imports node: and itself only, its examples by its name', async t => {
  const isExample = (path: string): boolean => path.startsWith('ring/examples/')
  const allowed = (imported: string, { path }: SourceFile): boolean => {
    if (imported.startsWith('node:')) return true
    if (isExample(path)) return imported === 'sharedarraybuffer-ring' || isExample(imported)
    return inRoom(imported, 'ring') && !isExample(imported)
  }
  t.strictSame(offences(['ring'], allowed), [])
})

t.test('actors import ring, piscina, comlink, node: and themselves only', async t => {
  const names = ['sharedarraybuffer-ring', 'piscina', 'comlink']
  const allowed = (imported: string): boolean =>
    imported.startsWith('node:') || inRoom(imported, 'actors') || isPackage(imported, ...names)
  t.strictSame(offences(['actors'], allowed), [])
})

t.test('the runtime does not import examples, benches or itself by name', async t => {
  const allowed = (imported: string): boolean =>
    !inRoom(imported, 'examples') &&
    !inRoom(imported, 'bench') &&
    !inRoom(imported, 'ring') &&
    !isPackage(imported, 'millrace')
  t.strictSame(offences(['runtime'], allowed), [])
})

t.test('nothing below the runtime’s door imports the broker', async t => {
  const allowed = (imported: string, { path }: SourceFile): boolean =>
    imported !== 'runtime/api/broker.ts' || path === 'runtime/create-broker.ts' || path.startsWith('runtime/cli/')
  t.strictSame(offences(['runtime', 'actors'], allowed), [])
})

t.test('who imports the door loads the clocks of this process, and no broker', async t => {
  const loads = (path: string): string[] => {
    const code = withoutComments(sources.find(each => each.path === path)?.text ?? '')
    const named = /^(?:import|export) (?!type )(?:[^'"`;]*?from )?'(\.[^']+)'/gm
    return [...code.matchAll(named)].map(([, specifier = '']) => resolved(path, specifier))
  }
  for (const [door, own] of [
    ['runtime/index.ts', 'runtime/create-broker.ts'],
    ['runtime/testing.ts', 'runtime/engine/engine.ts'],
  ] as const) {
    const loaded = new Set<string>([door])
    for (const path of loaded) for (const next of loads(path)) loaded.add(next)
    t.ok(loaded.has(own) && loaded.has('actors/world.ts'), door)
    for (const path of ['runtime/api/broker.ts', 'runtime/embedded/session.ts', 'runtime/api/topic-client.ts'])
      t.notOk(loaded.has(path), `${door}: ${path}`)
  }
})

t.test('examples and benches import the public doors only', async t => {
  const allowed = (imported: string, { room }: SourceFile): boolean => {
    if (isPackage(imported, 'millrace', 'sharedarraybuffer-ring')) return !imported.includes('/')
    return !ROOMS.some(other => other !== room && inRoom(imported, other))
  }
  t.strictSame(offences(['examples', 'bench'], allowed), [])
})

t.test('rxjs is imported by one file of the runtime at most, other than for its types', async t => {
  const users = shipped.filter(({ room, text }) => {
    const running = withoutComments(text).replace(/^\s*import type [^'"`;]*?from\s*'[^']+'/gm, '')
    return ['ring', 'actors', 'runtime'].includes(room) && specifiersOf(running).some(name => isPackage(name, 'rxjs'))
  })
  t.ok(users.length <= 1, users.map(({ path }) => path).join(' '))
})

t.test('comlink is imported by one file at most', async t => {
  const users = shipped.filter(({ imports }) => imports.some(imported => isPackage(imported, 'comlink')))
  t.ok(users.length <= 1, users.map(({ path }) => path).join(' '))
})

t.test('within ring, Atomics are used by the files of memory only', async t => {
  const others = shipped.filter(({ room, path, text }) => {
    return room === 'ring' && !/^ring\/(wasm-)?memory\.ts$/.test(path) && /\bAtomics\b/.test(withoutComments(text))
  })
  t.strictSame(
    others.map(({ path }) => path),
    [],
  )
})

/** What is taken from actors/world.ts (or pool.ts), so that a simulation can replace it. */
const WORLDLY = ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'queueMicrotask']
const UNWORLDLY =
  /\bperformance\b|\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bhrtime\b|\bAbortSignal\.timeout\b|\bAtomics\b|\bnew (?:Memory|MessageChannel|Worker|Piscina)\(|\bMemory\.allocate\(|\breceiveMessageOnPort\b|\btimers\/promises\b|\bimport\((?!')/

t.test('time, timers, chance, threads and memory come from one place, which a simulation can replace', async t => {
  const own = /^actors\/(world|pool|boot)\.ts$|^runtime\/cli\//
  const offenders = shipped
    .filter(({ path, room }) => ['actors', 'runtime'].includes(room) && !own.test(path))
    .flatMap(({ path, text }) => {
      const code = withoutComments(text)
      const taken = /import \{([^}]*)\} from '[^']*\/world\.ts'/.exec(code)?.[1] ?? ''
      const foreign = WORLDLY.filter(
        name => new RegExp(`\\b${name}\\b`).test(code) && !new RegExp(`\\b${name}\\b`).test(taken),
      )
      const direct = UNWORLDLY.exec(code.replace(/'(?!timers|node:timers)[^'\n]*'/g, "''"))?.[0]
      return [...foreign, ...(direct === undefined ? [] : [direct])].map(name => `${path}: ${name}`)
    })
  t.strictSame(offenders, [])
})

/** Who tells somebody outside of the process a moment, or compares with one that was told (runtime/base/clock.ts). */
const WALL_CLOCK = [
  'actors/world.ts',
  'runtime/api/schedules.ts',
  'runtime/base/instant.ts',
  'runtime/group/group-actor.ts',
  'runtime/host/store-upkeep.ts',
  'runtime/log/recovery/cut-log.ts',
  'runtime/log/store/partition-log.ts',
  'runtime/publish/partition-writer.ts',
  'runtime/publish/record-writer.ts',
  'runtime/queue-actor/queue-answers.ts',
  'runtime/queue-actor/queue-letters.ts',
  'runtime/queue-actor/queue-rebuild.ts',
  'runtime/queue-actor/stored-facts.ts',
  'runtime/queue-actor/stored-messages.ts',
  'runtime/queue-actor/stored-rebuild.ts',
]

t.test('the wall clock, which may be set, is read by the files that must, and nothing else waits by it', async t => {
  const reads = /\bDate\.now\b|\bnew Date\(\)|\bDate\(\)|\btimeOrigin\b|\bimport \{[^}]*\bwallMs\b[^}]*\} from/
  const readers = shipped.filter(
    ({ room, text }) => ['ring', 'actors', 'runtime'].includes(room) && reads.test(withoutComments(text)),
  )
  t.strictSame(readers.map(({ path }) => path).sort(), WALL_CLOCK.toSorted())
})

t.test('the disk and its lock come from one place, which a simulation can replace', async t => {
  const own = /^runtime\/log\/disk\/(world-disk|directory-lock|node-disk)\.ts$|^runtime\/cli\//
  const offenders = shipped.filter(
    ({ path, text }) =>
      path.startsWith('runtime/') &&
      !own.test(path) &&
      /\bnew NodeDisk\b|\bacquireLock\(|\brandomBytes\b/.test(withoutComments(text)),
  )
  t.strictSame(
    offenders.map(({ path }) => path),
    [],
  )
})

t.test('few files print, and they make text of others printable', async t => {
  /** Waits for the streams of its thread, and writes nothing of its own. */
  const silent = 'actors/boot.ts'
  /** Hands its streams to those who print, or prints what is printable already. */
  const handing = ['runtime/cli/main.ts', 'runtime/cli/run-command.ts']
  const printing = shipped.filter(
    ({ room, path, text }) =>
      ['actors', 'runtime'].includes(room) &&
      path !== silent &&
      /\bprocess\.(stdout|stderr)\b|\bconsole\.\w/.test(withoutComments(text)),
  )
  const offenders = printing.filter(({ path, imports }) => {
    return !imports.includes('runtime/base/printable.ts') && !handing.includes(path)
  })
  t.ok(printing.length > handing.length)
  t.strictSame(
    offenders.map(({ path }) => path),
    [],
  )
})

t.test('exports are named: no file re-exports all of another', async t => {
  t.strictSame(
    sources.filter(({ text }) => /^\s*export\s*\*/m.test(withoutComments(text))).map(({ path }) => path),
    [],
  )
})

t.test('only the two doors are named index', async t => {
  const doors = ['ring/index.ts', 'runtime/index.ts']
  const others = sources.filter(({ path }) => basename(path) === 'index.ts' && !doors.includes(path))
  t.strictSame(
    others.map(({ path }) => path),
    [],
  )
})

t.test('names are in kebab-case', async t => {
  const odd = sources.filter(
    ({ path }) =>
      !/^[a-z0-9]+(-[a-z0-9]+)*(\.(test|fixture|contract|stress|exhaustive|types))*\.c?ts$/.test(basename(path)),
  )
  t.strictSame(
    odd.map(({ path }) => path),
    [],
  )
})

t.test(`no file is longer than ${LINES_MAX} lines`, async t => {
  const long = sources
    .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
    .filter(({ lines }) => lines > LINES_MAX)
  t.strictSame(long, [])
})

t.test('rooms import downward only, and each says its thread', async t => {
  // The very rule of `npm run rooms`, which is no TypeScript.
  const { faultsOf } = await import(pathToFileURL(join(root, '.ci', 'rooms.mjs')).href)
  t.strictSame(faultsOf(root), [])
})

/** Files that ship and have more than 300 lines. The list may only shrink: split a file by concept before it comes here. */
const LONG = [
  'ring/log-window.ts',
  'runtime/control/openings.ts',
  'runtime/control/thread-crew.ts',
  'runtime/delivery/lane.ts',
  'runtime/embedded/session.ts',
  'runtime/group/group-actor.ts',
  'runtime/log/disk/directory-lock.ts',
]
const LONG_FROM = 300
const LONG_MAX = 400

t.test('files that ship have 300 lines at most, but for a list that may only shrink', async t => {
  const lengths = shipped.map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
  t.strictSame(
    lengths
      .filter(({ lines }) => lines > LONG_FROM)
      .map(({ path }) => path)
      .sort(),
    LONG,
  )
  t.strictSame(
    lengths.filter(({ lines }) => lines > LONG_MAX),
    [],
  )
})

t.test('each file that ships opens with what it is for', async t => {
  const silent = shipped.filter(({ text }) => !text.replace(/^#!.*\n/, '').startsWith('/**'))
  t.strictSame(
    silent.map(({ path }) => path),
    [],
  )
})

t.test('each import of a file of ours finds it', async t => {
  const known = new Set(sources.map(({ path }) => path))
  const missing = shipped.flatMap(({ path, imports }) =>
    imports
      .filter(imported => imported.endsWith('.ts') && !known.has(imported))
      .map(imported => `${path} -> ${imported}`),
  )
  t.strictSame(missing, [])
})

t.test('each file is used by another than its own tests', async t => {
  const entries =
    /^(ring|runtime)\/index\.ts$|^runtime\/testing\.ts$|^runtime\/cli\/main\.ts$|^(ring\/)?examples\/.*\/main\.ts$|^bench\/(main|rabbitmq-answers)\.ts$|^runtime\/proof\/stress\/[a-z-]+\.ts$|^ring\/stress\/main\.ts$|^runtime\/proof\/sim\/main\.ts$/
  const users = new Map<string, string[]>()
  for (const { path, imports, starts } of sources) {
    for (const imported of [...imports, ...starts]) users.set(imported, [...(users.get(imported) ?? []), path])
  }
  const unused = sources.filter(({ path, testing }) => {
    if (entries.test(path) || path.endsWith('.test.ts')) return false
    const own = `${posix.dirname(path)}/${basename(path, '.ts')}.`
    const others = (users.get(path) ?? []).filter(
      user => testing || !(user.startsWith(own) && user.endsWith('.test.ts')),
    )
    return others.length === 0
  })
  t.strictSame(
    unused.map(({ path }) => path),
    [],
  )
})

t.test('no test has a time limit of its own: the runner knows how slow the machine is', async t => {
  const limited = sources.filter(({ text }) =>
    /\b\w+\.setTimeout\(/.test(withoutComments(text).replace(/globalThis\.setTimeout/g, '')),
  )
  t.strictSame(
    limited.filter(({ path }) => /\.test\.ts$/.test(path)).map(({ path }) => path),
    [],
  )
})

t.test('what a mutant replaces stands at one place, and its test loads it', async t => {
  // The very rule of the runner, which is no TypeScript.
  const { readMutants } = await import(pathToFileURL(join(root, '.ci', 'mutants', 'data.mjs')).href)
  const { mutants, faults } = readMutants(root)
  t.ok(mutants.length > 0)
  t.strictSame(faults, [])
})
