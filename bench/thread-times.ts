/**
 * The processor time of each thread of this process.
 *
 * Main thread. Linux keeps it in `/proc/self/task/ID/schedstat`, in ns; elsewhere, or where the kernel does not count,
 * there is none. Threads that were there before a subject started are Node's own: V8's helpers, which compile and
 * collect, and those of libuv.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'

const tasks = '/proc/self/task'
const libuvThreads = 4
const main = String(process.pid)

export interface ThreadTimes {
  readonly mainNs: number
  /** Of the subject's threads, in the order of their start. */
  readonly othersNs: readonly number[]
  readonly helpersNs: number
}

type TimeById = ReadonlyMap<string, number>

/** Ids of all threads; none where the system does not tell. */
export function threadIds(): ReadonlySet<string> {
  try {
    return new Set(readdirSync(tasks))
  } catch {
    return new Set()
  }
}

/** So that libuv's threads are there before any subject is. */
export async function startHelperThreads(): Promise<void> {
  await Promise.all(Array.from({ length: libuvThreads }, () => stat(tasks).catch(() => undefined)))
}

/** Call it before what is to be measured, and the returned function after it. */
export function startThreadTimes(helpers: ReadonlySet<string>): () => ThreadTimes | undefined {
  const before = readTimes()
  return () => {
    const after = readTimes()
    const spent = (id: string): number => (after.get(id) ?? 0) - (before.get(id) ?? 0)
    if (spent(main) === 0) return undefined
    const others = [...after.keys()].filter(id => !helpers.has(id)).sort((a, b) => Number(a) - Number(b))
    return {
      mainNs: spent(main),
      othersNs: others.map(spent),
      helpersNs: [...helpers].filter(id => id !== main).reduce((total, id) => total + Math.max(0, spent(id)), 0),
    }
  }
}

function readTimes(): TimeById {
  const times = new Map<string, number>()
  for (const id of threadIds()) {
    try {
      times.set(id, Number(readFileSync(`${tasks}/${id}/schedstat`, 'utf8').split(' ', 1)[0]))
    } catch {
      // The thread has ended, or the kernel does not count.
    }
  }
  return times
}
