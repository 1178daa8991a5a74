/**
 * `millrace verify`: reads every byte of a broker's folder and reports good parts and damage. It changes nothing, and
 * locks the folder meanwhile.
 */
import { existsSync, statSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { printable } from '../base/printable.ts'
import { acquireLock } from '../log/disk/directory-lock.ts'
import { NodeDisk } from '../log/disk/node-disk.ts'
import { type Finding, type PartitionReport, type StoreReport, verifyStore } from '../log/folder/verify-store.ts'
import { IDENTITY_NAME } from '../log/store/identity.ts'
import { storeError } from '../log/store/store-errors.ts'
import type { VerifyArguments } from './arguments.ts'
import { EXIT_CODES } from './exit-codes.ts'
import { Failure } from './failure.ts'
import { sayAtTheEnd } from './standard-streams.ts'

/** Resolves with the exit code. @throws Failure, MillraceError */
export async function verifyCommand({ dir, json }: VerifyArguments): Promise<number> {
  const folder = resolve(dir)
  if (!existsSync(folder)) throw new Failure(`${printable(dir)}: no such folder`)
  if (!statSync(folder).isDirectory()) throw new Failure(`${printable(dir)}: is a file, not the folder of a broker`)
  if (!existsSync(join(folder, IDENTITY_NAME)))
    throw new Failure(`${printable(dir)}: no broker has kept anything in this folder (it has no ${IDENTITY_NAME})`)
  const report = await read(folder)
  const all = [...report.findings, ...report.partitions.flatMap(({ findings }) => findings)]
  const damaged = all.filter(({ isDamage }) => isDamage).length
  const lines = json === true ? [JSON.stringify({ damaged, ...report })] : toLines(folder, report, damaged)
  await sayAtTheEnd(lines, 1)
  return damaged > 0 ? EXIT_CODES.damaged : EXIT_CODES.clean
}

async function read(folder: string): Promise<StoreReport> {
  try {
    const lock = await acquireLock(folder)
    try {
      return verifyStore(new NodeDisk(), folder)
    } finally {
      lock.release()
    }
  } catch (error) {
    throw storeError(error)
  }
}

function toLines(folder: string, { partitions, findings }: StoreReport, damaged: number): string[] {
  const said = ({ file, position, why, isDamage }: Finding): string =>
    `  ${isDamage ? 'DAMAGED' : 'to be mended'}  ${relative(folder, file)} at byte ${position}: ${why}`
  const lines = partitions.flatMap(one => [toLine(one), ...one.findings.map(said)])
  lines.push(...findings.map(said))
  const records = partitions.reduce((sum, one) => sum + one.records, 0)
  const mended = [...findings, ...partitions.flatMap(one => one.findings)].length - damaged
  const what = [
    `${records.toLocaleString('en-US')} records in ${partitions.length} partitions`,
    damaged === 0 ? 'no damage' : `${damaged} files damaged`,
    ...(mended === 0 ? [] : [`${mended} ends that the next opening mends`]),
  ]
  return [...lines, what.join(', ')]
}

function toLine({ topic, partition, startOffset, endOffset, records, bytes }: PartitionReport): string {
  const count = (value: number): string => value.toLocaleString('en-US')
  return `${topic}/${partition}: offsets ${count(startOffset)} to ${count(endOffset)}, ${count(records)} records, ${count(bytes)} bytes`
}
