/** What the judge of processes with exchanges says of lines that no process should say, and of what it should not find. */
import t from 'tap'
import { BINDINGS, QUEUES, ROUTES, TOPIC } from './exchange-killed.fixture.ts'
import { ExchangeKillOracle } from './exchange-killed-oracle.fixture.ts'

const bindingOf = (target: string, by: string): number =>
  BINDINGS.findIndex(each => each.exchange === 'events' && each.target === target && each.by === by)
const A = ROUTES.findIndex(([, key]) => key === 'a')
const [ALL, OTHER] = [bindingOf('x0', '#'), bindingOf('x1', 'a.#')]

/** What is found where: `target:key`. */
function judged(
  lines: readonly string[],
  found: readonly string[] = [],
  last: readonly string[] | null = null,
): string {
  const oracle = new ExchangeKillOracle()
  for (const line of lines) oracle.hear(line)
  const messages = new Map([...Object.keys(QUEUES), TOPIC].map(name => [name, new Map<string, number>()]))
  for (const each of found) {
    const [target = '', key = ''] = each.split(' ')
    const keys = messages.get(target)
    keys?.set(key, (keys.get(key) ?? 0) + 1)
  }
  oracle.ended()
  if (last === null) return oracle.problems.join('; ')
  oracle.routes(
    ROUTES.map(([exchange], route) => {
      if (route < last.length) return (last[route] as string).split(',')
      return exchange === 'strict' ? [] : ['x0']
    }),
  )
  oracle.found(messages)
  return oracle.problems.join('; ')
}

const BOUND = [`b ${ALL}`, `B ${ALL}`]
const ROUTES_NOW = ['x0', 'x0', 'x0', 'x0', 'x0']

t.test('a publish goes by what was bound when it began', async t => {
  t.equal(judged([...BOUND, `p 0 ${A}`, 'P 0 x0'], ['x0 0'], ROUTES_NOW), '')
  t.match(judged([...BOUND, `p 0 ${A}`, 'P 0 rest']), /not to what is bound for certain/)
  t.match(judged([...BOUND, `p 0 ${A}`, 'P 0 x0,x1']), /to others than/)
  t.match(judged([...BOUND, `b ${OTHER}`, `B ${OTHER}`, `p 0 ${A}`, 'P 0 x0']), /not to all of/)
  t.match(judged([...BOUND, `p 0 ${A}`, 'P 0 x0,x0']), /twice to one/)
  t.match(judged([`p 0 ${A}`, 'P 0 ']), /without a target/)
  t.match(judged([...BOUND, `p 0 ${A}`, 'F 0 MILL_UNROUTABLE ;;']), /not to all of/)
  t.match(judged([...BOUND, `p 0 ${A}`, 'F 0 MILL_TIMEOUT ;;']), /failed with MILL_TIMEOUT/)
})

t.test('what is being bound or unbound may be either', async t => {
  for (const targets of ['x0', 'x0,x1']) {
    t.equal(judged([...BOUND, `b ${OTHER}`, `p 0 ${A}`, `P 0 ${targets}`]), '')
    t.equal(judged([...BOUND, `p 0 ${A}`, `b ${OTHER}`, `B ${OTHER}`, `P 0 ${targets}`]), '')
    t.equal(judged([...BOUND, `b ${OTHER}`, `B ${OTHER}`, `p 0 ${A}`, `u ${OTHER}`, `P 0 ${targets}`]), '')
  }
  t.match(judged([...BOUND, `b ${OTHER}`, `u ${OTHER}`, `U ${OTHER}`, `p 0 ${A}`, 'P 0 x0,x1']), /to others than/)
})

t.test('after a death each message is where it was confirmed, once, and nowhere else', async t => {
  const lines = [...BOUND, `b ${OTHER}`, `B ${OTHER}`, `p 0 ${A}`, 'P 0 x0,x1']
  const routes = ['x0,x1', 'x0,x1', 'x0', 'x0', 'x0']
  t.equal(judged(lines, ['x0 0', 'x1 0'], routes), '')
  t.match(judged(lines, ['x0 0'], routes), /x1 lost 0/)
  t.match(judged(lines, ['x0 0', 'x1 0', 'x1 0'], routes), /x1 has 0 2 times/)
  t.match(judged(lines, ['x0 0', 'x1 0', 'x2 0'], routes), /x2 has 0, which was not to go there/)
  t.match(judged(lines, ['x0 0', 'x1 0', 'x1 7'], routes), /x1 has 7, never sent/)
  const unanswered = lines.slice(0, -1)
  for (const found of [[], ['x0 0'], ['x0 0', 'x1 0']]) t.equal(judged(unanswered, found, routes), '')
  t.match(judged(unanswered, ['rest 0'], routes), /rest has 0/)
  const partly = [...unanswered, 'F 0 MILL_PARTLY_ROUTED x0;x1;']
  t.equal(judged(partly, ['x0 0'], routes), '')
  t.match(judged(partly, [], routes), /x0 lost 0/)
  t.match(judged(partly, ['x0 0', 'x1 0'], routes), /x1 has 0/)
})

t.test('a binding that was made is there after the death, and one that was taken away is not', async t => {
  t.match(
    judged(BOUND, [], ['rest', 'rest', 'rest', 'rest', 'rest']),
    /what would be published now .*not to what is bound/,
  )
  t.match(judged([...BOUND, `u ${ALL}`, `U ${ALL}`], [], ROUTES_NOW), /what would be published now .*to others than/)
})

t.test('on one host a message is in all of its targets, or in none', async t => {
  const lines = [...BOUND, `b ${OTHER}`, `B ${OTHER}`, `p m ${A}`]
  const judgedAs = (hasOneHost: boolean, having: readonly string[]): readonly string[] => {
    const oracle = new ExchangeKillOracle()
    oracle.hasOneHost = hasOneHost
    for (const line of lines) oracle.hear(line)
    oracle.ended()
    const names = [...Object.keys(QUEUES), TOPIC]
    oracle.found(new Map(names.map(name => [name, new Map(having.includes(name) ? [['m', 1]] : [])])))
    return oracle.problems
  }
  t.strictSame(judgedAs(true, ['x0']), ['of [x0,x1] on one host only [x0] have m'])
  t.strictSame(judgedAs(true, ['x1']), ['of [x0,x1] on one host only [x1] have m'])
  t.strictSame(judgedAs(true, ['x0', 'x1']), [])
  t.strictSame(judgedAs(true, []), [])
  t.strictSame(judgedAs(false, ['x0']), [], 'of two hosts each decides for itself')
})
