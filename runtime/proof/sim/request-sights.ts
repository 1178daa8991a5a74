/** What befell the requests of a seed: main.ts counts in how many seeds each occurs. Pure. */
import type { RequestJudge, Settled } from './request-judge.ts'

export const REQUEST_SIGHTS = [
  'request',
  'answer',
  'requestTimeOut',
  'requestAbort',
  'requestLetter',
  'requestCrash',
  'requestFull',
  'requestDropped',
  'requestExpired',
  'requestPurged',
  'requestCancelled',
  'requestDuplicate',
  'requestUnwritable',
  'requestAtClose',
  'requestOfOther',
  'requestSignal',
  'requestWithin',
] as const
export type RequestSight = (typeof REQUEST_SIGHTS)[number]

const OF: Readonly<Partial<Record<Settled, RequestSight>>> = {
  value: 'answer',
  'time-out': 'requestTimeOut',
  aborted: 'requestAbort',
  failed: 'requestLetter',
  rejected: 'requestLetter',
  decode: 'requestLetter',
  crashed: 'requestCrash',
  full: 'requestFull',
  maxlen: 'requestDropped',
  expired: 'requestExpired',
  purged: 'requestPurged',
  cancelled: 'requestCancelled',
  duplicate: 'requestDuplicate',
  reply: 'requestUnwritable',
}

export function requestSights({ settledAs, foreign, signals, nested, atClose }: RequestJudge): RequestSight[] {
  const seen = new Set<RequestSight>(['request'])
  for (const how of settledAs.keys()) {
    const sight = OF[how]
    if (sight !== undefined) seen.add(sight)
  }
  if (atClose > 0) seen.add('requestAtClose')
  if (foreign > 0) seen.add('requestOfOther')
  if (signals > 0) seen.add('requestSignal')
  if (nested > 0) seen.add('requestWithin')
  return [...seen]
}
