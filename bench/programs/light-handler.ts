/** A handler that only looks at a field. Runs on millrace's handler threads, and in the plain script. */
export interface FlightLine {
  readonly origin: string
  readonly destination: string
  readonly delay: number
  readonly departedAt: number
}

export let late = 0

export default function handle({ value }: { readonly value: FlightLine }): void {
  if (value.delay > 15) late++
}
