/**
 * Module hooks that let a simulation see each step of the pure machines: state and input go by, nothing is changed.
 *
 * Registered in a thread before it loads the broker. The machines' `step` is renamed and called through a function that
 * tells `globalThis.millraceVisit` first; if a machine no longer has such a `step`, loading it fails.
 */

/** The machines, by the end of their file's URL. */
const MACHINES: Readonly<Record<string, string>> = {
  '/group/group-cursor.js': 'cursor',
  '/control/assignment.js': 'assignment',
  '/actors/supervisor.js': 'supervisor',
}

interface Loaded {
  readonly format: string
  readonly source?: string | Uint8Array
}

export async function load(
  url: string,
  context: unknown,
  next: (url: string, context: unknown) => Promise<Loaded>,
): Promise<Loaded> {
  const loaded = await next(url, context)
  const machine = Object.entries(MACHINES).find(([end]) => url.endsWith(end))?.[1]
  if (machine === undefined) return loaded
  const source = Buffer.from(loaded.source as Uint8Array).toString()
  const seen = source.replace(
    /^export function step\(/m,
    `export function step(...given) { globalThis.millraceVisit?.('${machine}', given[0], given[1]); return seenStep(...given) }\nfunction seenStep(`,
  )
  if (seen === source) throw new Error(`${url} has no step to look at`)
  return { ...loaded, source: seen }
}
