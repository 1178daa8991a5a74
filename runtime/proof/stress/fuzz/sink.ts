/**
 * Appends events to the file of a program's history, from any thread of the process that runs it.
 *
 * A line is one write to a file that is open for appending: lines of several threads do not mix, their order is the order in
 * which they were written, and the death of the process takes none of them back.
 */

import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import type { FuzzEvent } from './events.ts'
import type { SelfKill } from './self-kill.ts'

export class Sink {
  readonly #fd: number
  readonly #kill: SelfKill | null
  #stalled = false
  #hands = 0

  constructor(path: string, kill: SelfKill | null = null) {
    this.#fd = openSync(path, 'a')
    this.#kill = kill
  }

  add(event: FuzzEvent): void {
    writeSync(this.#fd, `${JSON.stringify(event)}\n`)
    if (this.#kill !== null) this.#count(event, this.#kill)
  }

  #count(event: FuzzEvent, { hands }: SelfKill): void {
    if (event.e === 'did' && event.what === 'stall') this.#stalled = true
    else if (event.e === 'hand' && this.#stalled && ++this.#hands >= hands) process.kill(process.pid, 'SIGKILL')
  }

  close(): void {
    closeSync(this.#fd)
  }
}

export function readHistory(path: string): FuzzEvent[] {
  const lines = readFileSync(path, 'utf8').split('\n')
  return lines.filter(line => line !== '').map(line => JSON.parse(line) as FuzzEvent)
}
