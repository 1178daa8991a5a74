/** The calls of `node:fs` that a disk makes, and the conversion of their errors. Leaf, any thread. */
import type fs from 'node:fs'
import { DiskError } from './disk.ts'

/** The calls of `node:fs` that a disk makes; a test may put itself between. */
export type FileCalls = Pick<
  typeof fs,
  | 'closeSync'
  | 'fdatasync'
  | 'fdatasyncSync'
  | 'fstatSync'
  | 'fsyncSync'
  | 'ftruncateSync'
  | 'mkdirSync'
  | 'openSync'
  | 'readdirSync'
  | 'readSync'
  | 'renameSync'
  | 'rmdirSync'
  | 'statSync'
  | 'unlinkSync'
  | 'writeSync'
  | 'writevSync'
>

/** Code of the system; null for misuse, which is no failure of the system. */
export function errnoOf(error: unknown): string | null {
  if (!(error instanceof Error) || !('errno' in error) || !('code' in error)) return null
  return typeof error.code === 'string' ? error.code : null
}

export function diskError(operation: string, path: string, error: unknown): DiskError {
  const errno = errnoOf(error)
  if (errno === null) throw error
  return new DiskError(operation, path, errno, error)
}
