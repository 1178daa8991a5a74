/** temporary */
import { simulate } from './simulate.ts'
const [from = 1, to = 20] = process.argv.slice(2).map(Number)
setImmediate(() => {
  const t0 = performance.now()
  let inputs = 0
  let bad = 0
  for (let seed = from; seed <= to; seed++) {
    const t = performance.now()
    const v = simulate(seed, process.env['T'] ? line => console.log(line) : null)
    inputs += v.inputs
    if (v.problems.length > 0) bad++
    if (v.problems.length || process.env['V']) console.log(seed, v.hash, 'inputs', v.inputs, v.inputsByKind.join(' '), 'virtual', Math.round(v.virtualMs), 'ms', Math.round(performance.now() - t), [...v.faults].join(' '), v.plan.groups.map(g => g.kind).join(), v.problems)
    if (process.env['D']) for (const e of v.history.events) console.log(JSON.stringify(e))
  }
  console.log('bad', bad, 'inputs', inputs, 'us/input', (performance.now() - t0) * 1000 / inputs)
})
