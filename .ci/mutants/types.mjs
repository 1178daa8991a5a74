/**
 * Whether the types of a source still fit when its text is another. All that a source gives to others is annotated
 * (`isolatedDeclarations`), so that no other file need be looked at.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'

const ts = createRequire(import.meta.url)('typescript-js')

/** A function of path and text that says whether they fit. */
export function typeChecker(root, paths) {
  const { compilerOptions } = JSON.parse(readFileSync(join(root, 'tsconfig.base.json'), 'utf8'))
  const { composite, ...rest } = compilerOptions
  const { options } = ts.convertCompilerOptionsFromJson({ ...rest, noEmit: true }, root)
  const changed = new Map()
  let version = 0
  const service = ts.createLanguageService({
    getCompilationSettings: () => options,
    getScriptFileNames: () => paths.map(path => resolve(root, path)),
    getScriptVersion: file => String(changed.get(file)?.version ?? 0),
    getScriptSnapshot: file => {
      const text = changed.get(file)?.text ?? ts.sys.readFile(file)
      return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text)
    },
    getCurrentDirectory: () => resolve(root),
    getDefaultLibFileName: given => ts.getDefaultLibFilePath(given),
    fileExists: ts.sys.fileExists,
    readFile: ts.sys.readFile,
    readDirectory: ts.sys.readDirectory,
    directoryExists: ts.sys.directoryExists,
    getDirectories: ts.sys.getDirectories,
    realpath: ts.sys.realpath,
  })
  return (path, text) => {
    const file = resolve(root, path)
    changed.set(file, { text, version: ++version })
    const faults = [...service.getSyntacticDiagnostics(file), ...service.getSemanticDiagnostics(file)]
    changed.set(file, { text: undefined, version: ++version })
    return faults.length === 0
  }
}
