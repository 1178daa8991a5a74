import t from 'tap'
import { within } from '../proof/stress/within.fixture.ts'
import { SupervisorShell } from './supervisor-shell.ts'

t.test('a child that ends whenever it was started is given up, however long its delays would become', async t => {
  let starts = 0
  const escalated = new Promise<number>(resolve => {
    const shell = new SupervisorShell(
      { intensity: 10, periodMs: 4_000 },
      {
        start(id, incarnation) {
          starts++
          setTimeout(() => shell.exited(id, incarnation, { kind: 'exit', code: 1 }, false), 1)
        },
        stop: () => undefined,
        escalate: ({ restarts }) => resolve(restarts),
      },
    )
    shell.add('child', 0)
  })
  t.equal(await within(8_000, 'giving up', escalated), 11)
  t.equal(starts, 11, 'the first start and ten restarts')
})
