import fc from 'fast-check'
import t from 'tap'
import { AckTracker } from './ack-tracker.ts'

t.test('the commit is what follows the settled prefix, in whatever order the acks come', async () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.nat(5_000), { maxLength: 300 }),
      fc.infiniteStream(fc.nat()),
      fc.infiniteStream(fc.boolean()),
      (numbers, picks, hands) => {
        const offsets = numbers.sort((a, b) => a - b)
        const tracker = new AckTracker()
        const out: number[] = []
        const settled = new Set<number>()
        let handed = 0
        let committed = 0
        while (handed < offsets.length || out.length > 0) {
          if (handed < offsets.length && (out.length === 0 || hands.next().value)) {
            const offset = offsets[handed++] as number
            tracker.handOut(offset)
            out.push(offset)
          } else {
            const [offset] = out.splice((picks.next().value as number) % out.length, 1) as [number]
            settled.add(offset)
            // The oracle: count from the front every time.
            let prefix = 0
            while (prefix < handed && settled.has(offsets[prefix] as number)) prefix++
            const expected = prefix > committed ? (offsets[prefix - 1] as number) + 1 : -1
            committed = Math.max(committed, prefix)
            const said = tracker.settle(offset)
            if (said !== expected) throw new Error(`settling ${offset} said ${said}, not ${expected}`)
          }
          if (tracker.pending !== handed - committed)
            throw new Error(`${tracker.pending} are pending, not ${handed - committed}`)
        }
      },
    ),
  )
})

t.test('it keeps no more than what is not settled, however long it runs', async t => {
  const tracker = new AckTracker()
  for (let offset = 0; offset < 100_000; offset++) {
    tracker.handOut(offset)
    if (offset % 2 === 1) {
      if (tracker.settle(offset) !== -1) t.fail(`${offset} came too early`)
      if (tracker.settle(offset - 1) !== offset + 1) t.fail(`the prefix at ${offset}`)
    }
    if (tracker.pending > 2) t.fail(`${tracker.pending} are pending`)
  }
})
