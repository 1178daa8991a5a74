/** How long, as people write it: `20s`, `500ms`, `2m`; a bare number is milliseconds. Pure. */
const UNITS_MS: { readonly [unit: string]: number } = { '': 1, ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** Duration in ms; NaN if the text is none. */
export function durationMs(text: string): number {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text) ?? []
  return amount === undefined ? Number.NaN : Number(amount) * (UNITS_MS[unit] as number)
}

/** The shortest way to write it. */
export function durationText(ms: number): string {
  for (const unit of ['h', 'm', 's']) {
    const amount = ms / (UNITS_MS[unit] as number)
    if (amount >= 1 && Number.isInteger(amount)) return `${amount} ${unit === 'm' ? 'min' : unit}`
  }
  return `${ms} ms`
}
