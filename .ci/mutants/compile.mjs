/**
 * Compiles one source without the others, in a moment: `tsc -b` would take seconds. Types are NOT checked: what would be
 * an error of types compiles here, and only what is no TypeScript at all is refused. Apart from quotes and comments the
 * output is what the build makes of the same source, because the sources keep to what can be compiled file by file
 * (`verbatimModuleSyntax`, `erasableSyntaxOnly`).
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const require = createRequire(import.meta.url)
const optionsOf = new Map()

function readOptions(ts, root) {
  const { compilerOptions } = JSON.parse(readFileSync(join(root, 'tsconfig.base.json'), 'utf8'))
  // Of these are declarations made, and those are of types.
  const { composite, declaration, isolatedDeclarations, ...rest } = compilerOptions
  const { options } = ts.convertCompilerOptionsFromJson(rest, root)
  return options
}

/** The JavaScript of a source whose text is `text`; throws with the first complaint when it cannot be read. */
export function compile(root, path, text) {
  const ts = require('typescript-js')
  if (!optionsOf.has(root)) optionsOf.set(root, readOptions(ts, root))
  // For one file by itself no package.json is read that would say what kind of module it is.
  const isCommon = path.endsWith('.cts')
  const kind = isCommon ? {} : { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler }
  const { outputText, diagnostics } = ts.transpileModule(text, {
    fileName: join(root, path),
    compilerOptions: { ...optionsOf.get(root), ...kind },
    reportDiagnostics: true,
  })
  const [fault] = diagnostics ?? []
  if (fault !== undefined) throw new Error(ts.flattenDiagnosticMessageText(fault.messageText, ' '))
  return outputText
}
