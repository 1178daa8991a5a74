/** What befell the exchanges of a seed: main.ts counts in how many seeds each occurs. Pure. */

export const EXCHANGE_SIGHTS = ['exchange', 'routed', 'unroutable', 'rebound', 'routeUnanswered'] as const
export type ExchangeSight = (typeof EXCHANGE_SIGHTS)[number]
