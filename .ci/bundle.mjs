/**
 * Puts modules that are loaded together into one file beside the first of them, `x.bundle.js`: those of each kind of thread, those
 * of the door, which is what the package exports, those of a broker, and those of a run by the command line. A thread that loads a
 * hundred modules one by one uses twice the processor time to start. `runtime/base/bundle.ts` says what a thread loads.
 *
 * A bundle is a copy, statement by statement: nothing is left out, only imports and exports are resolved, and names that two
 * modules have are told apart. What must exist only once on a thread stays a module of its own (SHARED), and so do packages.
 * Bundles that are newer than all modules are kept.
 */
import { readdirSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const dist = path => join(root, 'dist', path)

const THREADS = [
  'runtime/control/control-entry.js',
  'runtime/host/partition-host.js',
  'runtime/delivery/handler-host.js',
]
/** A program, which uses the door as others do. */
const PROGRAM = 'runtime/cli/run-command.js'
/** What `boot.js` has loaded before on the same thread, and classes that users compare with. */
const SHARED = ['actors/error-wire.js', 'runtime/words/errors.js'].map(dist)
/** What the package exports: loads the modules of the door, and with the first broker those of a broker. */
const DOOR = 'runtime/index.js'
const BROKER = 'runtime/api/broker.js'
/** What the control thread loads while the threads of its hosts start. */
const CONTROL = 'runtime/control/control-start.js'
const DOOR_MODULES = 'runtime/door.js'
const CREATE = 'runtime/create-broker.js'
/** What the program uses of a broker besides the door. */
const SHARED_PARTS = 'runtime/api/broker-parts.js'
const PACKAGES = ['comlink', 'piscina']
const RING = join(root, 'ring/dist/index.js')

const bundleOf = module => module.replace(/\.js$/, '.bundle.js')

/** A path as a specifier, seen from the folder of `from`. */
function specifier(from, to) {
  const path = relative(dirname(from), to).replaceAll('\\', '/')
  return path.startsWith('.') ? path : `./${path}`
}

/** How modules find each other in bundles that are written to this folder. */
const modulesIn = folder => ({
  name: 'modules',
  resolveId(source, importer) {
    if (importer === undefined) return source
    if (source.startsWith('node:') || PACKAGES.includes(source)) return { id: source, external: true }
    if (source === 'sharedarraybuffer-ring') return RING
    if (!source.startsWith('.')) throw new Error(`${importer} imports ${source}, which is in no list of .ci/bundle.mjs`)
    const id = resolve(dirname(importer), source)
    return { id, external: SHARED.includes(id) }
  },
  // Loaded later or never: left where it is, but for what has a bundle of its own.
  resolveDynamicImport(source, importer) {
    if (typeof source !== 'string' || !source.startsWith('.')) return null
    const id = resolve(dirname(importer), source)
    return { id, external: ![BROKER, CONTROL].map(dist).includes(id) }
  },
  // In a bundle of somebody else's, in CommonJS, it has none.
  resolveImportMeta(property, { moduleId, chunkId }) {
    return property === 'url'
      ? `(import.meta.url && new URL('${specifier(join(folder, chunkId), moduleId)}', import.meta.url).href)`
      : null
  },
})

function newest(folder) {
  const times = readdirSync(folder, { recursive: true })
    .filter(name => name.endsWith('.js') && !/\.(bundle|test|fixture)\.js$/.test(name))
    .map(name => statSync(join(folder, name)).mtimeMs)
  return Math.max(...times)
}

function isFresh(bundles) {
  const made = bundles.map(path => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0)
  const inputs = [newest(dist('runtime')), newest(dist('actors')), newest(join(root, 'ring/dist'))]
  return Math.min(...made) > Math.max(...inputs, statSync(fileURLToPath(import.meta.url)).mtimeMs)
}

/** Where a bundle goes, seen from `folder`. What several bundles import is of the door, or what only a broker and the program have. */
const fileIn =
  folder =>
  ({ facadeModuleId: module, moduleIds }) => {
    const shared = moduleIds.includes(dist(CREATE)) ? DOOR_MODULES : SHARED_PARTS
    return relative(folder, bundleOf(module ?? dist(shared)))
  }

/** Makes the bundles, if there are modules that are newer. */
export async function makeBundles() {
  if (
    isFresh(
      [...THREADS, CONTROL, PROGRAM, DOOR, DOOR_MODULES, SHARED_PARTS, BROKER].map(module => dist(bundleOf(module))),
    )
  )
    return
  const { rollup } = await import('rollup')
  let cache
  for (const modules of [...THREADS.map(thread => [thread]), [DOOR, PROGRAM]]) {
    const folder = dirname(dist(modules[0]))
    const bundle = await rollup({
      input: modules.map(dist),
      plugins: [modulesIn(folder)],
      treeshake: false,
      cache,
      onwarn: warning => {
        // TypeScript's helpers look for themselves in `this`, which no module has.
        if (warning.code !== 'THIS_IS_UNDEFINED') throw new Error(`${modules[0]}: ${warning.message}`)
      },
    })
    await bundle.write({
      dir: folder,
      entryFileNames: fileIn(folder),
      chunkFileNames: fileIn(folder),
      format: 'es',
      generatedCode: 'es2015',
      hoistTransitiveImports: false,
    })
    cache = bundle.cache
  }
}
