/** Bytes that stand in JSON as they are, four at a time. Leaf module, any thread. */

/** Whether none of four bytes is a quotation mark, a backslash, below 0x20 or above 0x7f. It may say no to four that are. */
export function areOrdinary(four: number): boolean {
  const low = four - 0x20202020
  const quote = (four ^ 0x22222222) - 0x01010101
  const backslash = (four ^ 0x5c5c5c5c) - 0x01010101
  return ((low | quote | backslash | four) & 0x80808080) === 0
}
