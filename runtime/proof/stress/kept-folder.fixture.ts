/**
 * A folder as a broker of some version left it: what is in it, and the one file that keeps it in the repository.
 *
 * A kept folder is a JSON object: path in the folder to content, compressed by brotli, in base64. Journals of megabytes of
 * zeroes come to a few bytes.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { brotliCompressSync, brotliDecompressSync } from 'node:zlib'
import { RejectError } from '../../words/errors.ts'
import type { GroupOptions } from '../../words/group-options.ts'
import type { Handler } from '../../words/handler.ts'
import type { Message } from '../../words/message.ts'
import type { TopicOptions } from '../../words/topic-definition.ts'
import { repositoryRoot } from '../fixtures/repository.fixture.ts'

export interface Reading {
  readonly sensor: number
  readonly number: number
  readonly text: string
}

/** Long enough for two segments in each partition. */
const TEXT = 'x'.repeat(350)
/** The first second of 2026. */
const SINCE_MS = 1_767_225_600_000

export const PARTITIONS = 3
export const READINGS: TopicOptions = {
  partitions: PARTITIONS,
  durability: 'fsync',
  segmentBytes: 65_536,
  retentionMs: Number.POSITIVE_INFINITY,
}
export const COUNT = 720
/** So many of them are published before `sum` stops. */
export const SUMMED = 600
export const SEQUENCES = { durability: 'os', codec: 'bytes' } as const
export const SEQUENCE_COUNT = 20
/** Where group `moved` is put, in each partition. */
export const MOVED_TO = 10
/** What group `picky` does not take, for good and at the first attempt. */
export const REJECTED = [7, 70, 500] as const
export const FAILING = 719
/** Its backoff is longer than the rest of a folder's making takes; a test of it waits until that is over. */
export const PICKY: GroupOptions = {
  attempts: 3,
  retryOrder: 'none',
  backoff: { initialMs: 60_000, maxMs: 60_000 },
}

export function readingOf(number: number): Message<Reading> & { readonly key: string } {
  return {
    key: `sensor-${number % 12}`,
    value: { sensor: number % 12, number, text: TEXT },
    headers: { unit: 'mm', number: `${number}` },
    timestamp: SINCE_MS + number,
  }
}

export function bytesOf(number: number): Uint8Array {
  return Uint8Array.from({ length: 1 + number * 40 }, (_, at) => (at * 7 + number) & 0xff)
}

export interface Total {
  count: number
  sum: number
}

/** Counts what it has seen, and keeps that. */
export const sum: Handler<Reading, Total, Total> = {
  start: () => ({ count: 0, sum: 0 }),
  message({ value }, state) {
    state.count++
    state.sum += value.number
  },
  snapshot: state => state,
  restore: state => state as Total,
  stop: state => state,
}

export function picky({ value }: { readonly value: Reading }): Reading {
  if (REJECTED.some(number => number === value.number)) throw new RejectError(`nobody wants ${value.number}`)
  if (value.number === FAILING) throw new RangeError('not yet')
  return value
}

export function folders(): string {
  return join(repositoryRoot(), 'runtime/proof/stress/kept-folders')
}

/** The same of queues. */
export function queueFolders(): string {
  return join(repositoryRoot(), 'runtime/proof/stress/kept-queues')
}

/** The same of exchanges. */
export function exchangeFolders(): string {
  return join(repositoryRoot(), 'runtime/proof/stress/kept-exchanges')
}

/** Sockets and locks are the process's, not the folder's. */
export function pack(dir: string, file: string): void {
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true })
  const paths = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
  const contents = paths
    .map(path => [path.slice(dir.length + 1), brotliCompressSync(readFileSync(path)).toString('base64')])
    .sort(([a], [b]) => ((a as string) < (b as string) ? -1 : 1))
  writeFileSync(file, `${JSON.stringify(Object.fromEntries(contents), null, 2)}\n`)
}

export function unpack(file: string, dir: string): void {
  for (const [path, content] of Object.entries<string>(JSON.parse(readFileSync(file, 'utf8')))) {
    mkdirSync(dirname(join(dir, path)), { recursive: true })
    writeFileSync(join(dir, path), brotliDecompressSync(Buffer.from(content, 'base64')))
  }
}
