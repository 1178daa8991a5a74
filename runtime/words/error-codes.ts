/**
 * The codes of errors. Any thread. A code is stable: it is added to ERRORS.md when it is added here (a test compares the two).
 */

/** All codes, in alphabetical order. */
export const ALL_ERROR_CODES = [
  'MILL_ABORTED',
  'MILL_CANCELLED',
  'MILL_CLOSED',
  'MILL_CONFIG_MISMATCH',
  'MILL_CORRUPT',
  'MILL_DEADLOCK',
  'MILL_DECODE',
  'MILL_DISK',
  'MILL_FULL',
  'MILL_GAVE_UP',
  'MILL_GROUP_BUSY',
  'MILL_HANDLER',
  'MILL_INVALID_NAME',
  'MILL_INVALID_OPTION',
  'MILL_LOCKED',
  'MILL_MEMORY',
  'MILL_OFFSET_GONE',
  'MILL_OUT_OF_RANGE',
  'MILL_PARTLY_ROUTED',
  'MILL_REJECTED',
  'MILL_REQUEST_FAILED',
  'MILL_SETTLED',
  'MILL_THREAD_LOST',
  'MILL_TIMEOUT',
  'MILL_TOO_LARGE',
  'MILL_TOPIC_DELETED',
  'MILL_UNKNOWN_OPTION',
  'MILL_UNPUBLISHED',
  'MILL_UNROUTABLE',
  'MILL_UNSERIALISABLE',
  'MILL_UNSUPPORTED',
] as const

/**
 * Code of an error. ERRORS.md says of each when it occurs and what to do.
 *
 * @useDeclaredType
 */
export type ErrorCode = (typeof ALL_ERROR_CODES)[number]
