/**
 * Bounds the time of a run against a server: one that hangs would let the bench wait for ever.
 *
 * Main thread. Bound: one minute; then the run fails, and the bench with it.
 */
const runMsMax = 60_000

export async function withinBound(run: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`a run took over ${runMsMax / 1_000} s`)), runMsMax)
  })
  try {
    await Promise.race([run, over])
  } finally {
    clearTimeout(timer)
  }
}
