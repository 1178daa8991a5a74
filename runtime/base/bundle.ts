/**
 * Where the code of a kind of thread is: in one file, which the build has made of its modules, or module by module.
 *
 * Leaf module, any thread. The bundle stands beside the first of its modules and holds the same statements. A thread that loads a
 * hundred modules one by one uses twice the processor time to start. Where the bundle is missing, because a tool has copied only
 * the modules that it found by their imports, these are loaded.
 */
import { existsSync } from 'node:fs'

/** What is loaded in the place of the module at `module`. */
export function bundleOf(module: URL): URL {
  const bundle = new URL(module)
  bundle.pathname = bundle.pathname.replace(/\.js$/, '.bundle.js')
  return existsSync(bundle) ? bundle : module
}
