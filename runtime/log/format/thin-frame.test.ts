import fc from 'fast-check'
import t from 'tap'
import { frameStart } from './frame.ts'
import { bodyFault, headerFault } from './frame-scan.ts'
import { anyFrame, type DrawnFrame, drawnFrame } from './record-frames.fixture.ts'
import { recordsFault } from './records-fault.ts'
import { thinFrame } from './thin-frame.ts'

/** The frame that has only these records, as a naive writer makes it. */
function written(frame: DrawnFrame, isNeeded: (at: number) => boolean): Buffer {
  return drawnFrame({ ...frame, records: frame.records.filter((_, at) => isNeeded(at)) })
}

t.test(
  'a thin frame is the one that a writer would have made of the records that are left, but for its time',
  async t => {
    fc.assert(
      fc.property(anyFrame(), fc.nat(63), (drawn, mask) => {
        const whole = drawnFrame(drawn)
        const isNeeded = (at: number): boolean => ((mask >> at) & 1) === 1
        const needed = new Set(
          drawn.records.flatMap(({ offsetDelta }, at) => (isNeeded(at) ? drawn.baseOffset + offsetDelta : [])),
        )
        const thin = thinFrame(whole, offset => needed.has(offset))
        if (needed.size === 0) return thin === null
        if (thin === null) return false
        if (needed.size === drawn.records.length) return thin === whole
        const expected = written(drawn, isNeeded)
        // It says no less than the newest of all its records.
        if (thin.readUInt32LE(32) < expected.readUInt32LE(32)) return false
        const [body, same] = [thin.subarray(72), thin.subarray(0, 32).equals(expected.subarray(0, 32))]
        const faults = [headerFault(thin, 0, frameStart(whole), 1e6), bodyFault(thin, 0), recordsFault(thin)]
        return same && body.equals(expected.subarray(72)) && faults.every(fault => fault === null)
      }),
      { numRuns: 1_000 },
    )
    t.pass('1,000 runs')
  },
)
