/** Errors of the broker in the words of a user who gave lines, and no options. Pure. */
import type { ErrorCode } from '../words/error-codes.ts'

/** `what` is the thing that became, or should have become, a record. */
export function inWordsOfLines(code: string | undefined, message: string, what: 'line' | 'result'): string {
  switch (code as ErrorCode | undefined) {
    case 'MILL_TOO_LARGE': {
      const [bytes, max] = [...message.matchAll(/\d+/g)].map(([digits]) => digits)
      return `the ${what} makes a record of ${bytes} bytes, more than ${max}`
    }
    case 'MILL_UNSERIALISABLE':
      return message.includes('nested too deeply')
        ? `the JSON of the ${what} is nested too deeply to be handled`
        : `the ${what} is not JSON: ${message}`
    case 'MILL_MEMORY':
      return 'there is not enough shared memory for so many --partitions and --threads; use fewer'
    default:
      return message
  }
}
