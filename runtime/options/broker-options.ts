/** Options of `createBroker`. Any thread. */
import { availableParallelism } from 'node:os'
import type { AttachOptions, BrokerOptions } from '../words/broker.ts'
import type { RestartOptions } from '../words/common-options.ts'
import { RESTART } from './common-options.ts'
import { COUNT_MAX, GIB, KIB, MIB } from './option-bounds.ts'
import { folder, integer, logger, mode } from './option-rules.ts'
import { check, type Filled, type Given, nested, type Table } from './option-table.ts'

export interface CheckedBrokerOptions extends Filled<Omit<BrokerOptions, 'dir'>, 'logger'>, Given {
  /** Absolute path; undefined: it keeps nothing on disk. */
  readonly dir: string | undefined
  readonly restart: Filled<RestartOptions>
}

const BROKER: Table<CheckedBrokerOptions> = {
  dir: { missing: () => undefined, check: folder },
  dirMode: mode(0o700),
  fileMode: mode(0o600),
  memoryMaxBytes: integer(4 * MIB, 2 * GIB - 64 * KIB, 512 * MIB),
  partitionThreads: integer(1, 64, () => (availableParallelism() >= 8 ? 2 : 1)),
  logger: { missing: () => undefined, check: logger },
  restart: nested(RESTART),
  deadLetterDepth: integer(1, COUNT_MAX, 1_000, 'or Infinity'),
}

export function checkBrokerOptions(options: unknown): CheckedBrokerOptions {
  return check<CheckedBrokerOptions>('broker', BROKER, options)
}

export interface CheckedAttachOptions extends Filled<AttachOptions, 'logger'>, Given {}

const ATTACH: Table<CheckedAttachOptions> = { logger: BROKER.logger }

export function checkAttachOptions(options: unknown): CheckedAttachOptions {
  return check<CheckedAttachOptions>('attach', ATTACH, options)
}
