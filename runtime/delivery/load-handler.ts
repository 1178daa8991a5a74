/**
 * Loads a handler's module exactly as it was given, and says what to do when that fails.
 *
 * The handler host's thread. Modules in TypeScript load where this Node (or the app's loader flags) can load them.
 */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { importModule } from '../../actors/world.ts'
import { type AnyHandler, defineHandler, isHandler } from '../options/define.ts'
import { MillraceError } from '../words/errors.ts'
import type { RetryOrder } from '../words/group-options.ts'
import type { Handler, MessageHandler } from '../words/handler.ts'
import { show } from '../words/names.ts'
import { syntaxPlace } from './syntax-place.ts'
import { importTypeScript } from './typescript-module.ts'

/** @throws MillraceError MILL_HANDLER when the handler is not of the kind that the options are for */
export function checkHandling(
  { batch, records, snapshot }: AnyHandler,
  batchOptions: boolean,
  atMostOnce: boolean,
  {
    retryOrder,
    concurrency,
    output,
    topic,
  }: {
    readonly retryOrder: RetryOrder
    readonly concurrency: number
    readonly output?: unknown
    readonly topic?: { readonly name: string; readonly queue?: object }
  },
): void {
  if (snapshot !== undefined && topic?.queue !== undefined) {
    throw new MillraceError(
      'MILL_HANDLER',
      `a handler of queue ${topic.name} cannot have \`snapshot\` and \`restore\`: a queue has no offset at which its state would go on; keep the state elsewhere, or handle a topic`,
    )
  }
  if (snapshot !== undefined && (batch !== undefined || atMostOnce || retryOrder !== 'partition' || concurrency > 1)) {
    throw new MillraceError(
      'MILL_HANDLER',
      "a handler with `snapshot` handles one record after the other: leave `batch`, `concurrency`, `retryOrder` and `delivery: 'at-most-once'` out",
    )
  }
  if (batchOptions && batch === undefined)
    throw new MillraceError(
      'MILL_HANDLER',
      `the option \`batch\` is for handlers with a \`batch\` function; this one has \`${records === undefined ? 'message' : 'records'}\``,
    )
  if (atMostOnce && batch !== undefined) {
    throw new MillraceError(
      'MILL_HANDLER',
      "`delivery: 'at-most-once'` hands out one record at a time: give a handler with a `message` function",
    )
  }
  if (records === undefined) return
  if (topic?.queue !== undefined) {
    throw new MillraceError(
      'MILL_HANDLER',
      `a handler of queue ${topic.name} cannot have \`records\`: a queue has no records in a row to move over; give a \`message\` or a \`batch\` function`,
    )
  }
  const hasOutput = output !== undefined && output !== null
  if (atMostOnce || retryOrder !== 'partition' || concurrency > 1 || hasOutput) {
    throw new MillraceError(
      'MILL_HANDLER',
      "a handler with `records` moves over each partition in order, and returns nothing: leave `concurrency`, `retryOrder`, `output` and `delivery: 'at-most-once'` out, or give a `message` function",
    )
  }
}

const WHAT_TO_EXPORT = 'export default defineHandler({ message(delivery) { … } }), or a function'

function isHandlerShaped(value: unknown): value is AnyHandler {
  if (typeof value !== 'object' || value === null) return false
  const { message, batch, records } = value as AnyHandler
  return [message, batch, records].some(each => typeof each === 'function')
}

/** The handler that a value is: made by defineHandler or as that takes it, or a plain function. */
export function asHandler(value: unknown, from: string, help: string = WHAT_TO_EXPORT): AnyHandler {
  if (isHandler(value)) return value
  // What is frozen cannot be marked: a copy of it is.
  if (isHandlerShaped(value))
    return defineHandler((Object.isExtensible(value) ? value : { ...value }) as Handler) as AnyHandler
  if (typeof value === 'function') {
    const fn = value as MessageHandler
    return { message: (delivery, _state, context) => fn(delivery, context) }
  }
  throw new MillraceError('MILL_HANDLER', `${from} is not a handler, but ${show(value)}; ${help}`)
}

export async function loadHandler(url: string): Promise<AnyHandler> {
  const path = fileURLToPath(url)
  if (!existsSync(path))
    throw new MillraceError(
      'MILL_HANDLER',
      `the handler module ${path} does not exist; check the path, and that it was compiled; a bundler needs it as an entry point of its own`,
    )
  const module = await loadModule(url, path)
  // A CommonJS module that was compiled from ESM has its default one level down.
  const inner = (module.default as { readonly default?: unknown } | undefined)?.default
  return asHandler(
    inner !== undefined && !isHandler(module.default) ? inner : module.default,
    `the default export of ${path}`,
    `${exportedInstead(module)}${WHAT_TO_EXPORT}`,
  )
}

/** The names under which it may have exported it. */
function exportedInstead(module: object): string {
  const names = Object.keys(module).filter(name => /^\w{1,60}$/.test(name) && name !== 'default')
  return names.length === 0 || names.length > 5 ? '' : `it exports ${names.join(', ')}: `
}

type HandlerModule = { readonly default?: unknown }

async function loadModule(url: string, path: string): Promise<HandlerModule> {
  try {
    return (await importModule(url)) as HandlerModule
  } catch (cause) {
    const isTypeScript = /\.[cm]?tsx?$/.test(path)
    if ((cause as { code?: unknown } | null)?.code !== 'ERR_UNKNOWN_FILE_EXTENSION' || !isTypeScript)
      throw await failedToLoad(path, cause)
    const module = await importTypeScript(url).catch(async (error: unknown) => {
      throw await failedToLoad(path, error)
    })
    if (module !== undefined) return module as HandlerModule
    throw new MillraceError(
      'MILL_HANDLER',
      `Node ${process.versions.node} cannot load ${path}: install tsx, which is then used by itself; or use Node 22.18 or newer, or give the compiled .js file`,
      { cause },
    )
  }
}

async function failedToLoad(path: string, cause: unknown): Promise<MillraceError> {
  const said = cause instanceof Error ? cause.message : String(cause)
  return new MillraceError(
    'MILL_HANDLER',
    `the handler module ${path} failed to load: ${said}${await wayToPlace(cause, path)}`,
    {
      cause,
    },
  )
}

/** Of an error in a module that the handler imports only the way to it is known. */
async function wayToPlace(cause: unknown, path: string): Promise<string> {
  if (!(cause instanceof SyntaxError)) return ''
  const place = await syntaxPlace(path)
  return place === '' ? `; \`node ${path}\` shows the line` : place
}
