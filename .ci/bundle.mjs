/**
 * Puts the modules of each kind of thread, and those of a broker in the thread that makes one, into one file beside the first
 * module, `x.bundle.js`: whoever loads a hundred modules one by one uses twice the processor time to start.
 * `runtime/base/bundle.ts` says what is loaded.
 *
 * A bundle is a copy, statement by statement: nothing is left out, only imports and exports are resolved, and names that two
 * modules have are told apart. What must exist only once on a thread stays a module of its own (SHARED), and so do packages.
 * Bundles that are newer than all modules are kept.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const dist = path => join(root, 'dist', path)

const THREADS = [
  'runtime/control/control-entry.js',
  'runtime/host/partition-host.js',
  'runtime/delivery/handler-host.js',
]
/** What `boot.js` has loaded before on the same thread, and classes that users compare with. */
const SHARED = ['actors/error-wire.js', 'runtime/words/errors.js'].map(dist)
/** Loads what the door has not loaded. */
const BROKER = 'runtime/api/broker.js'
const DOOR = 'runtime/index.js'
const PACKAGES = ['comlink', 'piscina']
const RING = join(root, 'ring/dist/index.js')

const bundleOf = module => module.replace(/\.js$/, '.bundle.js')

/** A path as a specifier, seen from the folder of `from`. */
function specifier(from, to) {
  const path = relative(dirname(from), to).replaceAll('\\', '/')
  return path.startsWith('.') ? path : `./${path}`
}

/** A module, and all that it imports when it is loaded. */
function closureOf(module, found = new Set()) {
  if (found.has(module)) return found
  found.add(module)
  // The two compilers write different quotes.
  const imports = /^(?:import|export)\s[^'"`;]*?from\s*['"](\.[^'"]+)['"]|^import\s*['"](\.[^'"]+)['"]/gm
  for (const [, from, alone] of readFileSync(module, 'utf8').matchAll(imports))
    closureOf(resolve(dirname(module), from ?? alone), found)
  return found
}

/** `shared`: modules that stay by themselves. */
function modulesAt(bundle, shared) {
  return {
    name: 'modules',
    resolveId(source, importer) {
      if (importer === undefined) return source
      if (source.startsWith('node:') || PACKAGES.includes(source)) return { id: source, external: true }
      if (source === 'sharedarraybuffer-ring') return RING
      if (!source.startsWith('.'))
        throw new Error(`${importer} imports ${source}, which is in no list of .ci/bundle.mjs`)
      const id = resolve(dirname(importer), source)
      return { id, external: shared.has(id) }
    },
    // Loaded later or never: left where it is.
    resolveDynamicImport(source, importer) {
      return typeof source === 'string' && source.startsWith('.')
        ? { id: resolve(dirname(importer), source), external: true }
        : null
    },
    resolveImportMeta(property, { moduleId }) {
      return property === 'url' ? `new URL('${specifier(bundle, moduleId)}', import.meta.url).href` : null
    },
  }
}

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

/** Makes the bundles, if there are modules that are newer. */
export async function makeBundles() {
  const threads = THREADS.map(module => [dist(module), new Set(SHARED)])
  const made = [[dist(BROKER), closureOf(dist(DOOR))], ...threads]
  if (isFresh(made.map(([module]) => bundleOf(module)))) return
  const { rollup } = await import('rollup')
  let cache
  for (const [module, shared] of made) {
    const file = bundleOf(module)
    const bundle = await rollup({
      input: module,
      plugins: [modulesAt(file, shared)],
      treeshake: false,
      cache,
      onwarn: warning => {
        // TypeScript's helpers look for themselves in `this`, which no module has.
        if (warning.code !== 'THIS_IS_UNDEFINED') throw new Error(`${module}: ${warning.message}`)
      },
    })
    await bundle.write({ file, format: 'es', generatedCode: 'es2015' })
    // It says which modules are shared, and threads share the same.
    if (module !== dist(BROKER)) cache = bundle.cache
  }
}
