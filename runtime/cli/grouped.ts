/** A whole number with commas between its thousands. Not by `toLocaleString`: its first call takes 10 ms, a tenth of a short run. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',')
}
