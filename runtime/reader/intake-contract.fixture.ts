/** What everything that members take records from keeps to (intake.ts). */
import type { Test } from 'tap'
import { RecordDelivery } from './delivery.ts'
import { keyOf, textOf } from './frames.fixture.ts'
import type { Intake, RecordPlace, Taken } from './intake.ts'

const ERROR = { name: 'Error', message: 'no', retriable: false }

/** An intake over a source of records, as those of frames.fixture.ts, of which none has arrived. */
export interface IntakeHouse {
  readonly intake: Intake
  /** So many more records are there to be taken in. */
  arrive(count: number): void
  /** What the intake has asked what follows for: offset, how it failed, hand-out. */
  readonly asked: readonly string[]
  /** Whoever comes next, now that the intake is closed. */
  successor(): IntakeHouse
}

function takeAll({ intake }: IntakeHouse): Taken[] {
  const all: Taken[] = []
  for (let taken = intake.next(); taken !== null; taken = intake.next()) all.push(taken)
  return all
}

const offsets = (taken: readonly Taken[]): number[] => taken.map(({ offset }) => offset)

export async function intakeContract(t: Test, name: string, open: () => IntakeHouse): Promise<void> {
  await t.test(`${name}: records are taken in by offset, with what makes a delivery, and each once`, async t => {
    const house = open()
    t.notOk(house.intake.ready())
    t.equal(house.intake.next(), null)
    house.arrive(3)
    t.ok(house.intake.ready())
    const taken = takeAll(house)
    house.arrive(2)
    taken.push(...takeAll(house))
    t.strictSame(offsets(taken), [0, 1, 2, 3, 4])
    for (const { offset, key, frame, at, known } of taken) {
      const delivery = new RecordDelivery(frame, at, offset, 1, 0)
      t.same([delivery.key, delivery.value, key, known], [keyOf(offset), textOf(offset), keyOf(offset), undefined])
    }
    t.notOk(house.intake.ready())
  })

  await t.test(
    `${name}: a record may be read by its place, and taken in later, as if nothing had been said of it`,
    async t => {
      const { intake, arrive } = open()
      t.equal(intake.nextPlace(), null)
      arrive(3)
      const first = intake.nextPlace()
      const { offset, frame, at } = first as RecordPlace
      intake.stands(offset, 1, 'out')
      t.equal(intake.next()?.offset, 1, 'it is behind')
      t.strictSame(intake.taken({ offset, frame, at }), {
        offset: 0,
        key: keyOf(0),
        frame,
        at,
        known: undefined,
        kept: null,
      })
      t.equal(new RecordDelivery(frame, at, offset, 1, 0).value, textOf(0))
    },
  )

  await t.test(`${name}: no place is told while something is known of records to come`, async t => {
    const house = open()
    house.arrive(3)
    takeAll(house)
    house.intake.stands(1, 1, 'back')
    house.intake.close()
    const { intake } = house.successor()
    t.equal(intake.nextPlace(), null)
    t.strictSame([intake.next()?.offset, intake.next()?.known?.deliveryAttempt], [0, 1])
    intake.commit(2)
    t.equal(intake.nextPlace()?.offset, 2)
  })

  await t.test(`${name}: a commit goes forward only`, async t => {
    const house = open()
    house.arrive(5)
    takeAll(house)
    t.equal(house.intake.committed, 0)
    house.intake.commit(3)
    house.intake.commit(2)
    t.equal(house.intake.committed, 3)
  })

  await t.test(`${name}: it asks what follows for each failure, and nothing once it is closed`, async t => {
    const { intake, arrive, asked } = open()
    arrive(3)
    while (intake.next() !== null);
    intake.judge(1, 'failed', 1, ERROR)
    intake.judge(0, 'rejected', 2, ERROR)
    t.strictSame(asked, ['1 failed 1', '0 rejected 2'])
    intake.close()
    intake.judge(2, 'failed', 1, ERROR)
    t.equal(asked.length, 2)
  })

  await t.test(`${name}: its successor goes on at the commit, and knows how records stand`, async t => {
    const house = open()
    house.arrive(6)
    const { intake } = house
    takeAll(house)
    for (let offset = 0; offset < 5; offset++) intake.stands(offset, offset + 1, 'out')
    for (const offset of [0, 1, 3]) intake.stands(offset, offset + 1, 'settled')
    intake.stands(2, 3, 'back')
    intake.commit(2)
    intake.close()
    const next = house.successor()
    t.not(next.intake.epoch, intake.epoch, 'verdicts of one are none of the other')
    t.equal(next.intake.committed, 2)
    t.strictSame(
      takeAll(next).map(({ offset, known }) => [offset, known?.settled ?? null, known?.deliveryAttempt ?? 0]),
      [
        [2, false, 3],
        [3, true, 4],
        [4, false, 5],
        [5, null, 0],
      ],
    )
  })

  await t.test(`${name}: further ahead than it keeps account of, nothing is kept, and nothing is mistaken`, async t => {
    const house = open()
    const { accountMax } = house.intake
    house.arrive(accountMax + 2)
    takeAll(house)
    for (const offset of [1, accountMax - 1, accountMax, accountMax + 1]) house.intake.stands(offset, 1, 'settled')
    house.intake.close()
    const known = takeAll(house.successor()).flatMap(({ known }) => (known?.settled === true ? [known.offset] : []))
    t.strictSame(known, [1, accountMax - 1])
  })
}
