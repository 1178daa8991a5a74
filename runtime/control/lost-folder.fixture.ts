/** The folder of small-folder.fixture.ts on a disk that can lose it, and processes that end at an operation of that disk. */
import { Memory } from 'sharedarraybuffer-ring'
import { HostStore } from '../host/host-store.ts'
import { DiskError } from '../log/disk/disk.ts'
import { PRIVATE_MODES } from '../log/disk/node-disk.ts'
import type { Chance } from '../proof/sim/chance.ts'
import { Cut, SimDisk } from '../proof/sim/sim-disk.ts'
import type { BrokerDirectory } from './broker-directory.ts'
import { Catalog } from './catalog.ts'
import type { TopicEntry } from './catalog-entries.ts'
import { openDirectory } from './open-directory.ts'
import { DIR, makeFolder } from './small-folder.fixture.ts'

export const JOURNAL_BYTES = 8_192
const { disk: made } = makeFolder(true)

/** A copy of the folder, all of it durable. */
export function folder(): SimDisk {
  const disk = new SimDisk()
  for (const path of made.files) {
    const above = path.slice(0, path.lastIndexOf('/'))
    disk.makeFolder(above)
    const file = disk.open(path, 'create')
    file.write([made.bytesOf(path)], 0)
    file.sync()
    file.close()
    disk.syncDirectory(above)
  }
  return disk
}

/** What the control thread of a broker on the folder has, and the store of its one partition host. */
export interface OpenedBroker {
  readonly directory: BrokerDirectory
  readonly catalog: Catalog
  readonly topics: readonly TopicEntry[]
  readonly store: HostStore
  close(): void
}

/** `failed`: what is done when the disk has failed; not when the process has ended. */
export function openBroker(disk: SimDisk, failed: (error: Error) => void = fail): OpenedBroker {
  const directory = openDirectory(disk, DIR, 1, JOURNAL_BYTES)
  const catalog = new Catalog(Memory.allocate(8 << 20), 1, directory)
  const { logId } = directory
  const place = { dir: DIR, held: null, modes: PRIVATE_MODES, logId, journalBytes: JOURNAL_BYTES }
  const topics = directory.topics().map(({ shape }) => catalog.addTopic(shape))
  const known = topics.flatMap(({ places, shape }) => places.map(place => ({ place, topic: shape })))
  const fault = (): void => undefined
  const store = new HostStore(place, 0, known, { disk, failed, cut: () => undefined, fault })
  const close = (): void => {
    // Their timers; what they do with their files is over where the process has ended.
    for (const kept of [catalog.snapshots, catalog.producers]) quietly(() => kept.close())
  }
  return { directory, catalog, topics, store, close }
}

/** An end of the process is met by whatever the store does; anything else that it meets is a defect. */
function fail(error: Error): void {
  throw error
}

function quietly(act: () => void): void {
  try {
    act()
  } catch (error) {
    if (!(error instanceof Cut) && !(error instanceof DiskError)) throw error
  }
}

/** Does something; false: the process ended at operation `at` of that. */
export async function survives(
  disk: SimDisk,
  at: number,
  bytes: number,
  act: () => Promise<unknown>,
): Promise<boolean> {
  const first = disk.operations
  disk.before = number => {
    if (number === first + at) throw new Cut(bytes)
  }
  try {
    await act()
    return true
  } catch (error) {
    if (!(error instanceof Cut)) throw error
    return false
  } finally {
    disk.before = () => undefined
  }
}

/** Opens the folder, again and again, with processes that end as they do, until one does not. */
export function opensAtLast(disk: SimDisk, chance: Chance): void {
  for (let end = 1; !opens(disk, end); end += 1 + chance.below(6)) {
    if (chance.happens(0.5)) disk.powerCut(chance)
    else disk.crash()
  }
}

/** False: the process ended at this operation. */
function opens(disk: SimDisk, at: number): boolean {
  disk.before = number => {
    if (number === at) throw new Cut()
  }
  try {
    openDirectory(disk, DIR, 1, JOURNAL_BYTES).close()
    return true
  } catch (error) {
    if (error instanceof Cut) return false
    throw error
  } finally {
    disk.before = () => undefined
  }
}
