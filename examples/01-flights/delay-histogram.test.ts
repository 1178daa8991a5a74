import fc from 'fast-check'
import t from 'tap'
import { addDelay, type DelayHistogram, summarise } from './delay-histogram.ts'

t.test('a histogram gives the figures that sorting all delays gives', async t => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -120, max: 1_500 }), { minLength: 1, maxLength: 400 }), delays => {
      const histogram: DelayHistogram = new Map()
      for (const delay of delays) addDelay(histogram, delay)
      const sum = delays.reduce((total, delay) => total + delay, 0)
      const late = delays.filter(delay => delay > 15).length
      const sorted = [...delays].sort((a, b) => a - b)
      t.same(summarise(histogram), {
        flights: delays.length,
        sumDelayMin: sum,
        meanDelayMin: sum / delays.length,
        p95DelayMin: sorted[Math.ceil(delays.length * 0.95) - 1],
        lateFlights: late,
        lateShare: late / delays.length,
      })
    }),
  )
})
