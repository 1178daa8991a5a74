/**
 * Puts modules that are loaded together into one file beside the first of them, `x.bundle.js`: those of each kind of thread,
 * those of the door, which is what the package exports, and those of a run by the command line. A thread that loads a hundred modules one by one uses twice the
 * processor time to start. `runtime/base/bundle.ts` says what a thread loads.
 *
 * A bundle is a copy, statement by statement: nothing is left out, only imports and exports are resolved, and names that two
 * modules have are told apart. What must exist only once on a thread stays a module of its own (SHARED), and so do packages.
 * Bundles that are newer than all modules are kept.
 */
import { readdirSync, statSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const dist = path => join(root, 'dist', path)

const THREADS = [
  'runtime/control/control-entry.js',
  'runtime/host/partition-host.js',
  'runtime/delivery/handler-host.js',
]
/** A program of its own, with a broker of its own. */
const PROGRAM = 'runtime/cli/run-command.js'
/** What `boot.js` has loaded before on the same thread, and classes that users compare with. */
const SHARED = ['actors/error-wire.js', 'runtime/words/errors.js'].map(dist)
/** What the package exports: loads the modules of the door, and with the first broker those of a broker. */
const DOOR = 'runtime/index.js'
const BROKER = 'runtime/api/broker.js'
const DOOR_MODULES = 'runtime/door.js'
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
  // Loaded later or never: left where it is, but for the broker.
  resolveDynamicImport(source, importer) {
    if (typeof source !== 'string' || !source.startsWith('.')) return null
    const id = resolve(dirname(importer), source)
    return { id, external: id !== dist(BROKER) }
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

/** The door and the broker share modules, which go with the door. Names are seen from the folder of the door. */
const fileOf = ({ facadeModuleId: module }) =>
  relative(dirname(DOOR), bundleOf(module === dist(BROKER) ? BROKER : DOOR_MODULES))

/** Makes the bundles, if there are modules that are newer. */
export async function makeBundles() {
  if (isFresh([...THREADS, PROGRAM, DOOR, DOOR_MODULES, BROKER].map(module => dist(bundleOf(module))))) return
  const { rollup } = await import('rollup')
  let cache
  for (const module of [...THREADS, PROGRAM, DOOR]) {
    const bundle = await rollup({
      input: dist(module),
      plugins: [modulesIn(dirname(dist(module)))],
      treeshake: false,
      cache,
      onwarn: warning => {
        // TypeScript's helpers look for themselves in `this`, which no module has.
        if (warning.code !== 'THIS_IS_UNDEFINED') throw new Error(`${module}: ${warning.message}`)
      },
    })
    await bundle.write({
      dir: dirname(dist(module)),
      entryFileNames: bundleOf(basename(module)),
      ...(module === PROGRAM ? { inlineDynamicImports: true } : { chunkFileNames: fileOf }),
      format: 'es',
      generatedCode: 'es2015',
      hoistTransitiveImports: false,
    })
    cache = bundle.cache
  }
}
