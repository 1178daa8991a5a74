/**
 * An error that the user can correct: printed in one line, without a stack, with exit code 1.
 */

import { printable, printableLine } from '../base/printable.ts'
import { toWire } from '../words/errors.ts'

export class Failure extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'Failure'
  }
}

/** The first line of an error, printable, at most `charsMax` characters of it. */
export function inOneLine(error: unknown, charsMax?: number): string {
  const { message, name } = toWire(error)
  return printableLine((message || name).split('\n', 1)[0] as string, charsMax)
}

/** `ENOENT` and its like in words, with the file they are about. */
export function fileFailure(path: string, error: unknown): Failure {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return new Failure(`${printable(path)}: ${REASONS[code] ?? inOneLine(error)}`, error)
}

const REASONS: { readonly [code: string]: string } = {
  EACCES: 'permission denied',
  ELOOP: 'is a symlink that leads to itself',
  EMFILE: 'this process has too many files open',
  ENAMETOOLONG: 'the name is too long',
  ENOTDIR: 'a part of the path is no directory',
  ENXIO: 'is a socket, or a device that is not there',
  EPERM: 'operation not permitted',
  EROFS: 'the file system is read-only',
  ETXTBSY: 'is a program that is running',
  EISDIR: 'is a directory',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on the disk',
}
