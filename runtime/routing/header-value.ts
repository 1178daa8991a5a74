/** Values of headers as strings that are equal where the values are. Any thread. Pure. */

/** `null`, which asks for any value, is ''. */
export function valueKey(value: string | Uint8Array | null): string {
  if (value === null) return ''
  return typeof value === 'string' ? `s${value}` : `b${Buffer.from(value).toString('latin1')}`
}
