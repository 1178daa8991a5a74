/** Schedules whose process is killed again and again: each tick is sent once, in whichever life. Real processes; the long run is `npm run test:schedule-kills`. */
import t from 'tap'
import { killSchedules, SCHEDULE_POINTS } from '../stress/schedule-kills.fixture.ts'

const DEATHS = SCHEDULE_POINTS.length

t.test('no tick is sent twice, and none is left out', async t => {
  const { met, ticks, problems } = await killSchedules(DEATHS, 'fsync')
  t.strictSame(problems, [])
  t.ok(ticks > 50, `${ticks} ticks; deaths: ${JSON.stringify([...met])}`)
})
