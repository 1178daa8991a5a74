import t from 'tap'
import { isAlone, type Lingering, look } from './linger-watch.ts'

t.test('a port and two standard streams are the broker alone', async t => {
  t.ok(isAlone(['MessagePort']))
  t.ok(isAlone(['PipeWrap', 'TTYWrap', 'MessagePort']))
  for (const others of [
    ['Timeout'],
    ['TCPServerWrap'],
    ['ProcessWrap'],
    ['FSReqPromise'],
    ['MessagePort'],
    ['PipeWrap'],
  ])
    t.notOk(isAlone(['PipeWrap', 'PipeWrap', 'MessagePort', ...others]), others.join())
  t.notOk(isAlone([]), 'where nothing is listed, nothing is known')
})

t.test('it is told at the second look, and only where nothing is left to do', async t => {
  const told: [string, number][] = []
  let unsettled = 0
  let expected = false
  let resources = ['MessagePort']
  let runs = [1, 2]
  const lingering: Lingering = {
    resources: () => resources,
    isExpected: () => expected,
    runs: () => runs.map(n => ({ topic: `t${n}`, group: 'g', unsettled: async () => (n === 2 ? unsettled : 0) })),
    tell: ({ topic }, count) => told.push([topic, count]),
  }
  t.equal(await look(lingering, 'nothing'), 'lingering')
  t.strictSame(told, [])
  unsettled = 1
  t.equal(await look(lingering, 'lingering'), 'nothing', 'the second run has a record')
  unsettled = 0
  expected = true
  t.equal(await look(lingering, 'lingering'), 'nothing', 'a signal will close it')
  expected = false
  resources = ['MessagePort', 'Timeout']
  t.equal(await look(lingering, 'lingering'), 'nothing', 'a timer runs')
  resources = ['MessagePort']
  runs = []
  t.equal(await look(lingering, 'lingering'), 'nothing', 'nothing is open')
  runs = [1, 2]
  t.strictSame(told, [])
  t.equal(await look(lingering, 'lingering'), 'told')
  t.strictSame(told, [['t1', 2]])
})
