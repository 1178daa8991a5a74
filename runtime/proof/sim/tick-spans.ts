/** Which ticks of a rhythm lie in spans of time, and which lie in none. Pure. */

/** From the first instant to the last, both within. */
export interface Span {
  readonly firstMs: number
  readonly lastMs: number
}

/** Ticks that a schedule has said that it does not send. */
export interface ToldTicks extends Span {
  readonly reason: 'missed' | 'overlap' | 'refused'
  readonly count: number
  /** When that was told. */
  readonly wallMs: number
}

/** Ticks at `phaseMs` and at each multiple of `everyMs` before and after. */
export interface TickRhythm {
  readonly everyMs: number
  readonly phaseMs: number
}

/** How many ticks lie in a span. */
export function ticksIn({ everyMs, phaseMs }: TickRhythm, { firstMs, lastMs }: Span): number {
  return Math.floor((lastMs - phaseMs) / everyMs) - Math.ceil((firstMs - phaseMs) / everyMs) + 1
}

/** Runs of ticks between the first and the last of all that were sent or told, which neither were, nor lie in one of the pauses. */
export function gapsOf(
  { everyMs, phaseMs }: TickRhythm,
  sent: readonly number[],
  told: readonly Span[],
  pauses: readonly Span[],
): Span[] {
  const known = [...sent.map(tick => ({ firstMs: tick, lastMs: tick })), ...told].sort((a, b) => a.firstMs - b.firstMs)
  const gaps: Span[] = []
  let upTo = known[0]?.lastMs ?? 0
  for (const { firstMs, lastMs } of known) {
    for (let tick = upTo + everyMs; tick < firstMs; tick += everyMs) {
      if (pauses.some(pause => tick >= pause.firstMs - 1 && tick <= pause.lastMs + 1)) continue
      const last = gaps.at(-1)
      if (last?.lastMs === tick - everyMs) gaps[gaps.length - 1] = { ...last, lastMs: tick }
      else gaps.push({ firstMs: tick, lastMs: tick })
    }
    upTo = Math.max(upTo, lastMs - ((((lastMs - phaseMs) % everyMs) + everyMs) % everyMs))
  }
  return gaps
}
