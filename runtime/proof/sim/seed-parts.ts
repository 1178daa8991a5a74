/** What only some seeds have: main.ts counts how many of each were judged. Pure. */

export const SEED_PARTS = ['exchanges', 'requests', 'schedules', 'disk'] as const
export type SeedPart = (typeof SEED_PARTS)[number]
