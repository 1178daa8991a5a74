/** A log store on the real disk: what it has asked of the system by the time that it says that something is durable. */
import fs from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { FileCalls } from '../disk/node-calls.ts'
import { NodeDisk } from '../disk/node-disk.ts'
import { CLICKS, contentOf, entryOf, ORDERS, PARTITIONS, STORE_ID } from './log-store.fixture.ts'
import { LogStore } from './log-store.ts'

/** Calls of `node:fs`, and which bytes a completed fdatasync covers. */
class WatchedCalls {
  /** Written since the last sync, by descriptor. */
  readonly #pending = new Map<number, Buffer[]>()
  /** All that a completed sync covers. */
  readonly durable: Buffer[] = []
  syncs = 0
  readonly calls: FileCalls = {
    ...fs,
    writeSync: ((descriptor: number, part: Uint8Array, offset: number, length: number, position: number) => {
      const written = fs.writeSync(descriptor, part, offset, length, position)
      this.#note(descriptor, Buffer.from(part.subarray(offset, offset + written)))
      return written
    }) as typeof fs.writeSync,
    writevSync: (descriptor, parts, position) => {
      const written = fs.writevSync(descriptor, parts, position)
      this.#note(descriptor, Buffer.concat(parts as Uint8Array[]).subarray(0, written))
      return written
    },
    fdatasyncSync: descriptor => {
      const covered = this.#pending.get(descriptor) ?? []
      this.#pending.delete(descriptor)
      fs.fdatasyncSync(descriptor)
      this.syncs++
      this.durable.push(...covered)
    },
  }

  #note(descriptor: number, bytes: Buffer): void {
    this.#pending.set(descriptor, [...(this.#pending.get(descriptor) ?? []), bytes])
  }

  covers(bytes: Uint8Array): boolean {
    return this.durable.some(durable => durable.includes(Buffer.from(bytes)))
  }
}

t.test('an append returns only after a sync that covers its bytes has completed', async t => {
  const folder = join(t.testdir(), 'data')
  const watched = new WatchedCalls()
  const store = LogStore.open(new NodeDisk(watched.calls), folder, 0, STORE_ID, PARTITIONS, { journalBytes: 16_384 })
  let syncs = 0
  for (let time = 0; time < 60; time++) {
    const logs = [store.partition(ORDERS, 0), store.partition(ORDERS, 1), store.partition(CLICKS, 0)]
    // No two are alike.
    const entries = logs.map((log, at) => entryOf(log, 200 + time * 20 + at * 2, log.endOffset, 1000 + at))
    watched.durable.length = 0
    syncs = watched.syncs
    store.append(entries)
    t.ok(watched.syncs > syncs)
    for (const { log, parts } of entries)
      if (log.topic === ORDERS && !watched.covers(parts[0] as Uint8Array)) t.fail(`append ${time} is not durable`)
  }
  store.close()
  const next = LogStore.open(new NodeDisk(), folder, 0, STORE_ID, PARTITIONS, { journalBytes: 16_384 })
  t.strictSame([next.partition(ORDERS, 0).endOffset, next.partition(CLICKS, 0).endOffset], [60, 60])
  t.equal(contentOf(new NodeDisk(), next.partition(ORDERS, 1)).length % 8, 0)
  next.close()
})

t.test('syncs in the background end a checkpoint', async t => {
  const folder = join(t.testdir(), 'data')
  const store = LogStore.open(new NodeDisk(), folder, 0, STORE_ID, PARTITIONS, { journalBytes: 16_384 })
  const log = store.partition(ORDERS, 0)
  while (!store.tend(0)) store.append([entryOf(log, 1000)])
  const { endOffset } = log
  await new Promise<void>(resolve => {
    const look = (): void => {
      if (store.tend(0)) setImmediate(look)
      else resolve()
    }
    look()
  })
  t.equal(log.syncedTo, endOffset)
  store.close()
})
