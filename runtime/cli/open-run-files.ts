/**
 * Opens all files of a run before anything is changed, and refuses those of which one would overwrite another.
 *
 * Main thread.
 */
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { RunArguments } from './arguments.ts'
import { Failure, fileFailure } from './failure.ts'
import { fileOf, type OpenInput, type OpenOutput, openInput, openOutput, standardFile } from './open-file.ts'
import { clashOf, type RunFile } from './run-files.ts'

export interface RunFiles {
  readonly handler: URL
  readonly input: OpenInput
  readonly output: OpenOutput | undefined
  readonly deadLetter: OpenOutput | undefined
}

/** @throws Failure where one cannot be opened, or two are the same */
export async function openRunFiles({ handler, input, output, deadLetter }: RunArguments): Promise<RunFiles> {
  const module = await findHandler(handler)
  const opened: RunFiles = {
    handler: pathToFileURL(resolve(handler)),
    input: await openInput(input),
    output: output === undefined ? undefined : await openOutput('--output', output),
    deadLetter: deadLetter === undefined ? undefined : await openOutput('--dead-letter', deadLetter),
  }
  const named = [module, opened.input.file, opened.output?.file, opened.deadLetter?.file]
  const files: readonly RunFile[] = named.filter(file => file !== undefined)
  const clash = clashOf([...files, standardFile(1), standardFile(2)])
  if (clash !== undefined) throw new Failure(clash)
  return opened
}

async function findHandler(path: string): Promise<RunFile> {
  try {
    const stats = await stat(resolve(path), { bigint: true })
    if (stats.isDirectory()) throw new Failure(`${path}: is a directory, not a module`)
    return fileOf(`the handler ${path}`, 'read', false, stats)
  } catch (error) {
    throw error instanceof Failure ? error : fileFailure(path, error)
  }
}
