/**
 * Handlers in TypeScript on a Node that cannot load them by itself, where the app runs under tsx or Vitest: their loaders do
 * not reach worker threads on Node 20, and tsx's own function for that does. The handler host's thread.
 */
import nodeModule from 'node:module'
import { pathToFileURL } from 'node:url'
import { importModule } from '../../actors/world.ts'

/** Not written where it is used: bundlers would follow it. */
const TSX: string = ['tsx', 'esm', 'api'].join('/')

type TsImport = (specifier: string, parentUrl: string) => Promise<unknown>

/** Loads the module with the tsx that its folder has; undefined: it has none. Rejects with what the module throws. */
export async function importTypeScript(url: string): Promise<unknown> {
  let api: string
  try {
    // What `require` finds is tsx's build for it, and beside that is the one to import. Bundles may define `createRequire` themselves.
    api = nodeModule
      .createRequire(url)
      .resolve(TSX)
      .replace(/\.cjs$/, '.mjs')
  } catch {
    return undefined
  }
  const { tsImport } = (await importModule(pathToFileURL(api).href)) as { readonly tsImport: TsImport }
  return await tsImport(url, url)
}
