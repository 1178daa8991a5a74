/** Bounds that options of several kinds share. Any thread. */
export const KIB = 1_024

export const MIB: number = 1_024 * KIB

export const GIB: number = 1_024 * MIB

export const TIMER_MS_MAX: number = 2 ** 31 - 1

/** The last moment that a Date can be, in ms since the epoch. */
export const DATE_MS_MAX = 8.64e15

export const COUNT_MAX = 1_000_000
