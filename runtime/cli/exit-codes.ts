/** Exit codes of the program, beside 128 and the number of a signal. */
export const EXIT_CODES = { clean: 0, failed: 1, usage: 2, deadLettered: 3, damaged: 3 } as const
