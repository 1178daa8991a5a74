/**
 * Where the code of a kind of thread is: in one file, which the build has made of the thread's modules, or module by module.
 *
 * Leaf module, any thread that starts others. The bundle stands beside the thread's own module and holds the same statements.
 * A thread that loads a hundred modules one by one uses twice the processor time to start. Where the bundle is missing, because
 * a tool has copied only the modules that it found by their imports, these are loaded.
 */
import { existsSync } from 'node:fs'

/** What a thread loads whose own module is at `module`. */
export function bundleOf(module: URL): URL {
  const bundle = new URL(module)
  bundle.pathname = bundle.pathname.replace(/\.js$/, '.bundle.js')
  return existsSync(bundle) ? bundle : module
}
