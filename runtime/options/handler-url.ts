/** The place of a handler's module, as callers give it. Leaf module, any thread. */
import { isAbsolute } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { MillraceError } from '../words/errors.ts'
import { show } from '../words/names.ts'

/** A `file:` URL as text. @throws MillraceError MILL_HANDLER */
export function handlerUrl(value: unknown): string {
  const text = value instanceof URL ? value.href : value
  if (typeof text === 'string') {
    if (isAbsolute(text)) return pathToFileURL(text).href
    try {
      // Also refuses URLs that no file system can open: a foreign host, an encoded slash.
      fileURLToPath(text)
      return new URL(text).href
    } catch {
      // Said below, for every kind of wrong value in the same words.
    }
  }
  if (typeof value === 'function' || (typeof value === 'object' && value !== null && !(value instanceof URL)))
    throw new MillraceError(
      'MILL_HANDLER',
      `\`handler\` is ${show(value)}, which no other thread can be given: export it from a module of its own and give ` +
        "`handler: new URL('./handler.js', import.meta.url)`, or handle records on this thread, with `handle`",
    )
  const found = value === undefined ? 'is missing' : `is ${show(text)}`
  // What they meant, with their own file.
  const file =
    typeof text === 'string' && /^[\w./-]{1,60}$/.test(text) ? text.replace(/^(?!\.\.?\/)/, './') : './handler.js'
  throw new MillraceError(
    'MILL_HANDLER',
    `\`handler\` ${found}: give the handler module as a file URL, ` +
      `\`handler: new URL('${file}', import.meta.url)\`, or as an absolute path`,
  )
}
