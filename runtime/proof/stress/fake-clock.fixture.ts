/** The wall clock of a process under libfaketime, which reads in a file how far it is off. */
import { renameSync, writeFileSync } from 'node:fs'

/** What a process needs in its environment; `file` is there from the first look at the clock on. */
export function faketimeSetting(library: string, file: string): Record<string, string> {
  writeOffset(file, 0)
  return {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    DONT_FAKE_MONOTONIC: '1',
  }
}

/** At once: a file that is half written would say another time. */
function writeOffset(file: string, byMs: number): void {
  writeFileSync(`${file}.new`, `${byMs < 0 ? '-' : '+'}${Math.abs(byMs) / 1_000}\n`)
  renameSync(`${file}.new`, file)
}

export class FakeClock {
  readonly #file: string

  private constructor(file: string) {
    this.#file = file
  }

  /** Null: it was not started under one. */
  static ofThisProcess(): FakeClock | null {
    const file = process.env.FAKETIME_TIMESTAMP_FILE
    return file === undefined ? null : new FakeClock(file)
  }

  /** Off by so much from now on, on all threads. */
  step(byMs: number): void {
    writeOffset(this.#file, byMs)
  }
}
