/** A program that appends to a log store on the real disk until that fails, and prints what it was told, as JSON. */

import { DiskError } from '../../log/disk/disk.ts'
import { NodeDisk } from '../../log/disk/node-disk.ts'
import { entryOf, ORDERS, STORE_ID } from '../../log/store/log-store.fixture.ts'
import { LogStore } from '../../log/store/log-store.ts'
import type { StoredTopic } from '../../log/store/stored-topic.ts'

/** Its segments are larger than what the disk has room for. */
const TOPIC: StoredTopic = { ...ORDERS, segmentBytes: 8 * 1024 * 1024 }
const APPENDS_MAX = 5000

export interface Told {
  readonly acked: number
  /** Operation and code of the error; null: there was none. */
  readonly error: string | null
  /** Whether the next append threw the very same. */
  readonly isSame: boolean
}

/** Appends until it fails, in this process. */
export function writeUntilFull(folder: string, valueBytes: number): Told {
  let acked = 0
  let store: LogStore | null = null
  try {
    store = openStore(folder)
    const log = store.partition(TOPIC, 0)
    acked = log.endOffset
    for (let append = 0; append < APPENDS_MAX; append++) {
      store.append([entryOf(log, valueBytes)])
      acked = log.endOffset
      store.tend(append)
    }
    store.close()
    return { acked, error: null, isSame: true }
  } catch (error) {
    if (!(error instanceof DiskError)) throw error
    const isSame = store === null || thrownBy(store) === error
    try {
      store?.close()
    } catch (closing) {
      if (!(closing instanceof DiskError)) throw closing
    }
    return { acked, error: `${error.operation} ${error.errno}`, isSame }
  }
}

export function openStore(folder: string): LogStore {
  const partitions = [{ topic: TOPIC, partition: 0 }]
  return LogStore.open(new NodeDisk(), folder, 0, STORE_ID, partitions, { journalBytes: 64 * 1024 })
}

/** Where the log ends when it is opened again; every byte of it was checked by then. */
export function endOf(folder: string): number {
  const store = openStore(folder)
  const { endOffset } = store.partition(TOPIC, 0)
  store.append([entryOf(store.partition(TOPIC, 0))])
  store.close()
  return endOffset
}

function thrownBy(store: LogStore): unknown {
  try {
    store.append([])
    return null
  } catch (error) {
    return error
  }
}

const [folder, valueBytes] = process.argv.slice(2)
if (process.argv[1]?.endsWith('store-writer.fixture.js') === true)
  console.log(JSON.stringify(writeUntilFull(folder as string, Number(valueBytes))))
