/**
 * Where lines come from: a file, or standard input. Chunks of 256 KiB; the stream reads ahead by one.
 */
import { open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { Failure, fileFailure } from './failure.ts'

const CHUNK_BYTES = 262_144

/** @throws Failure if it cannot be read. */
export async function openInput(path: string): Promise<Readable> {
  if (path === '-') return process.stdin
  try {
    const file = await open(path)
    if ((await file.stat()).isDirectory()) throw new Failure(`${path}: is a directory`)
    return file.createReadStream({ highWaterMark: CHUNK_BYTES })
  } catch (error) {
    throw error instanceof Failure ? error : fileFailure(path, error)
  }
}
