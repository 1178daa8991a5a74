/** Measures a stretch of time in seconds. Any thread. */
export function startStopwatch(): () => number {
  const startNs = process.hrtime.bigint()
  return () => Number(process.hrtime.bigint() - startNs) / 1e9
}
