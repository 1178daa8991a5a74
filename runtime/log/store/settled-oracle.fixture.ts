/**
 * What the file of settled messages of a store may say of some of its logs, and must, through deaths and losses of power.
 *
 * A message is settled when it was acknowledged. What was settled for sure stays settled; nothing is settled that never was, above all no
 * message that came to have the offset of one that was (its log was cut, and the file was not).
 */
import type { Disk } from '../disk/disk.ts'
import { SettledLog, settledPath } from './settled-log.ts'
import type { SettledState } from './settled-state.ts'
import type { StoredPartition } from './stored-partition.ts'

/** So small that it is written anew again and again. */
const COMPACT_BYTES = 600

/** `begun`: it may be on the disk. `written`: it survives the process. `synced`: and a loss of power. */
type Level = 'begun' | 'written' | 'synced'

class QueueOracle {
  readonly #levels = new Map<number, Level>()
  /** Of a loss of power since it was opened last. */
  hasLostPower = false

  settles(from: number, to: number, level: Level): void {
    for (let offset = from; offset < to; offset++)
      if (this.#levels.get(offset) !== 'synced') this.#levels.set(offset, level)
  }

  synced(): void {
    for (const [offset, level] of this.#levels) if (level === 'written') this.#levels.set(offset, 'synced')
  }

  /** Judges what is known when the queue's log is opened, and takes it over. */
  opened(state: SettledState, where: string, endOffset: number): void {
    for (let offset = 0; offset < endOffset; offset++) {
      const isSettled = offset < state.floor || state.settled.has(offset)
      const level = this.#levels.get(offset)
      const isSure = level === 'synced' || (level === 'written' && !this.hasLostPower)
      if (isSettled && level === undefined) throw new Error(`Q1: ${where}@${offset} is settled, and never was handled`)
      if (!isSettled && isSure) throw new Error(`Q3: ${where}@${offset} was settled (${level}), and is not`)
      if (!isSettled) this.#levels.delete(offset)
      else if (this.hasLostPower) this.#levels.set(offset, 'synced')
      else if (level === 'begun') this.#levels.set(offset, 'written')
    }
    if (state.end > endOffset)
      throw new Error(`${where} ends at ${endOffset}, and something is said up to ${state.end}`)
    for (const offset of this.#levels.keys()) if (offset >= endOffset) this.#levels.delete(offset)
    this.hasLostPower = false
  }
}

/** The file of a partition host, and what is known of its queues. */
export class SettledLives {
  readonly #queues = new Map<string, QueueOracle>()
  #file: SettledLog | null = null
  readonly #open = new Set<string>()

  /** Opens the file; queues are opened when something is done with them, before anything is appended to their logs. */
  open(disk: Disk, folder: string, logId: Uint8Array): void {
    this.#open.clear()
    this.#file = SettledLog.open(disk, settledPath(folder, 0), logId, { compactBytes: COMPACT_BYTES })
  }

  /** A host has opened the log of a queue again. */
  reopened(name: string): void {
    this.#open.delete(name)
  }

  openQueue(name: string, { topic: { topic }, partition, startOffset, endOffset }: StoredPartition): void {
    if (this.#open.has(name)) return
    const state = (this.#file as SettledLog).opened(topic, partition, startOffset, endOffset)
    this.#of(name).opened(state, name, endOffset)
    this.#open.add(name)
  }

  #of(name: string): QueueOracle {
    const known = this.#queues.get(name)
    if (known !== undefined) return known
    const made = new QueueOracle()
    this.#queues.set(name, made)
    return made
  }

  /** Messages of a queue were acknowledged. */
  handle(name: string, { topic: { topic }, partition }: StoredPartition, from: number, to: number): void {
    if (from >= to) return
    this.#of(name).settles(from, to, 'begun')
    this.#file?.write([{ topic, partition, settled: [[from, to]] }])
    this.#of(name).settles(from, to, 'written')
  }

  tend(syncs: boolean): void {
    this.#file?.tend()
    if (!syncs) return
    this.#file?.sync()
    for (const queue of this.#queues.values()) queue.synced()
  }

  close(): void {
    this.#file?.close()
    for (const queue of this.#queues.values()) queue.synced()
  }

  losePower(): void {
    for (const queue of this.#queues.values()) queue.hasLostPower = true
  }
}
