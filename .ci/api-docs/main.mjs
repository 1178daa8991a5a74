/**
 * Builds the API reference as static pages: what the docstrings of both packages say, and the documents beside them. After a build:
 *
 *   npm run docs              pages in dist/api-docs
 *
 * It reads the declarations that are packed, so that the pages show what users see. It ends with 1 when a public item has no docstring, or
 * a relative link of a document leads nowhere.
 *
 * typedoc needs a TypeScript that is written in JavaScript, and the package `typescript` is a native binary here. Its import is led to
 * `typescript-js`.
 */
import { readFileSync } from 'node:fs'
import { register } from 'node:module'
import { basename, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

const redirect = `export function resolve(specifier, context, next) {
  return next(specifier === 'typescript' ? 'typescript-js' : specifier, context)
}`
register(`data:text/javascript,${encodeURIComponent(redirect)}`)
const { Application, Converter, ReflectionKind } = await import('typedoc')

/** What users import, by the module's name after its file. */
const DOORS = {
  'dist/runtime': 'millrace',
  'dist/runtime/testing': 'millrace/testing',
  'ring/dist': 'sharedarraybuffer-ring',
}

/** Headings of the list of pages, by folder; `docs` and the root have none. */
const GROUPS = { guides: 'Guides', recipes: 'Recipes', decisions: 'Decisions' }

const app = await Application.bootstrap({ options: fileURLToPath(new URL('typedoc.json', import.meta.url)) })

app.converter.on(Converter.EVENT_CREATE_DECLARATION, (_context, reflection) => {
  if (reflection.kind === ReflectionKind.Module) reflection.name = DOORS[reflection.name] ?? reflection.name
})

app.converter.on(Converter.EVENT_CREATE_DOCUMENT, (_context, document) => {
  const path = document.project.files.getReflectionPath(document) ?? ''
  const [, title] = /^# (.+)$/m.exec(readFileSync(path, 'utf8')) ?? []
  document.name = title ?? document.name
  document.frontmatter.group = GROUPS[basename(dirname(path))] ?? 'Documents'
})

const project = await app.convert()
if (project !== undefined) {
  app.validate(project)
  await app.generateOutputs(project)
}
const { errorCount, warningCount } = app.logger
console.log(`${errorCount} errors, ${warningCount} warnings`)
process.exitCode = project !== undefined && errorCount + warningCount === 0 ? 0 : 1
