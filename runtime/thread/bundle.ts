/**
 * The code of a kind of thread: one file, which the build makes of the thread's modules, or module by module.
 *
 * Leaf module, any thread that starts others. The bundle stands beside the thread's own module and holds the same
 * statements. A thread that loads a hundred modules one by one uses twice the processor time to start. The bundle is
 * missing where a tool has copied only modules that it found by their imports; then the modules are loaded.
 */
import { existsSync } from 'node:fs'

/** File that a thread loads whose own module is at `module`. */
export function bundleOf(module: URL): URL {
  const bundle = new URL(module)
  bundle.pathname = bundle.pathname.replace(/\.js$/, '.bundle.js')
  return existsSync(bundle) ? bundle : module
}
