/**
 * Loads a handler's module exactly as it was given, and says what to do when that fails.
 *
 * The handler host's thread. Modules in TypeScript load where this Node (or the app's loader flags) can load them.
 */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { importModule } from '../../actors/world.ts'
import { type AnyHandler, isHandler } from '../define.ts'
import { MillraceError } from '../errors.ts'
import type { MessageHandler, RetryOrder } from '../types.ts'

/** @throws MillraceError MILL_HANDLER when the handler is not of the kind that the options are for */
export function checkHandling(
  { batch, snapshot }: AnyHandler,
  batchOptions: boolean,
  atMostOnce: boolean,
  { retryOrder, concurrency }: { readonly retryOrder: RetryOrder; readonly concurrency: number },
): void {
  if (snapshot !== undefined && (batch !== undefined || atMostOnce || retryOrder !== 'partition' || concurrency > 1)) {
    throw new MillraceError(
      'MILL_HANDLER',
      "a handler with `snapshot` handles one record after the other: leave `batch`, `concurrency`, `retryOrder` and `delivery: 'at-most-once'` out",
    )
  }
  if (batchOptions && batch === undefined)
    throw new MillraceError(
      'MILL_HANDLER',
      'the option `batch` is for handlers with a `batch` function; this one has `message`',
    )
  if (atMostOnce && batch !== undefined) {
    throw new MillraceError(
      'MILL_HANDLER',
      "`delivery: 'at-most-once'` hands out one record at a time: give a handler with a `message` function",
    )
  }
}

/** The handler that a value is: made by defineHandler, or a plain function. */
export function asHandler(value: unknown, from: string): AnyHandler {
  if (isHandler(value)) return value
  if (typeof value === 'function') {
    const fn = value as MessageHandler
    return { message: (delivery, _state, context) => fn(delivery, context) }
  }
  throw new MillraceError(
    'MILL_HANDLER',
    `${from} is not a handler; export default defineHandler({ message(delivery) { … } }), or a function`,
  )
}

export async function loadHandler(url: string): Promise<AnyHandler> {
  const path = fileURLToPath(url)
  if (!existsSync(path))
    throw new MillraceError(
      'MILL_HANDLER',
      `the handler module ${path} does not exist; check the path, and that it was compiled`,
    )
  let module: { readonly default?: unknown }
  try {
    module = (await importModule(url)) as { readonly default?: unknown }
  } catch (cause) {
    const code = (cause as { code?: unknown } | null)?.code
    if (code === 'ERR_UNKNOWN_FILE_EXTENSION' && /\.[cm]?tsx?$/.test(path)) {
      throw new MillraceError(
        'MILL_HANDLER',
        `Node ${process.versions.node} cannot load ${path}: run the app with a loader for TypeScript (its flags are passed on to handler threads), use Node 22.18 or newer, or give the compiled .js file`,
        { cause },
      )
    }
    throw new MillraceError(
      'MILL_HANDLER',
      `the handler module ${path} failed to load: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    )
  }
  // A CommonJS module that was compiled from ESM has its default one level down.
  const inner = (module.default as { readonly default?: unknown } | undefined)?.default
  return asHandler(
    inner !== undefined && !isHandler(module.default) ? inner : module.default,
    `the default export of ${path}`,
  )
}
