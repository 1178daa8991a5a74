import t from 'tap'
import { FoundTargets } from './found-targets.ts'
import { shortestPattern } from './topic-pattern.ts'
import { TopicTrie } from './topic-trie.ts'

function routed(trie: TopicTrie, key: string): number[] {
  const found = new FoundTargets()
  found.begin()
  trie.route(key, found)
  return [...found.targets.subarray(0, found.count)].sort((one, other) => one - other)
}

t.test('a walk visits each node once a word, however many # there are', async t => {
  // Source: bug 0f390a2717 of rabbitmq-server: each way through `#.#.#` was walked by itself.
  const key = Array.from({ length: 128 }, () => 'a').join('.')
  const patterns = [
    Array.from({ length: 40 }, () => '#').join('.'),
    Array.from({ length: 40 }, () => '#.a').join('.'),
    Array.from({ length: 40 }, () => '#.*').join('.'),
    `${Array.from({ length: 40 }, () => '#.a').join('.')}.b`,
  ]
  for (const pattern of patterns) {
    const trie = new TopicTrie()
    trie.bind(pattern, 1)
    t.strictSame(routed(trie, key), pattern.endsWith('b') ? [] : [1])
    t.ok(trie.visits <= 129 * trie.nodes, `${trie.visits} visits of ${trie.nodes} nodes`)
    t.ok(trie.visits > 0)
  }
  const all = new TopicTrie()
  for (const [target, pattern] of patterns.entries()) all.bind(pattern, target)
  t.strictSame(routed(all, key), [0, 1, 2])
  t.ok(all.visits <= 129 * all.nodes, `${all.visits} visits of ${all.nodes} nodes`)
})

t.test('a run of wildcards with a # is written in one way', async t => {
  t.strictSame(shortestPattern(''), [])
  t.strictSame(shortestPattern('#.#'), ['#'])
  t.strictSame(shortestPattern('#.*'), ['*', '#'])
  t.strictSame(shortestPattern('#.*.#.*.a.#'), ['*', '*', '#', 'a', '#'])
  t.strictSame(shortestPattern('a..b.'), ['a', '', 'b', ''])
  t.strictSame(shortestPattern('*.*'), ['*', '*'])
})

t.test('a trie whose bindings are all taken away is as one that never had any', async t => {
  const trie = new TopicTrie()
  const patterns = Array.from({ length: 5_000 }, (_, i) => `w${i % 70}.${i % 3 === 0 ? '#' : '*'}.end${i}`)
  for (let round = 0; round < 4; round++) {
    for (const [i, pattern] of patterns.entries()) trie.bind(pattern, i)
    t.strictSame(routed(trie, 'w1.x.end1'), [1])
    for (const [i, pattern] of patterns.entries()) if (i % 2 === 0) trie.unbind(pattern, i)
    t.strictSame(routed(trie, 'w1.x.end1'), [1])
    t.strictSame(routed(trie, 'w2.x.end2'), [])
    for (const [i, pattern] of patterns.entries()) if (i % 2 === 1) trie.unbind(pattern, i)
    t.equal(trie.nodes, 1)
  }
  const once = new TopicTrie()
  for (const [i, pattern] of patterns.entries()) once.bind(pattern, i)
  t.ok(trie.bytes <= 2 * once.bytes, `${trie.bytes} bytes after four rounds, ${once.bytes} after one`)
})

t.test('100,000 bindings take 12 MB at most', async t => {
  const trie = new TopicTrie()
  const events = ['created', 'paid', 'shipped', 'returned', 'lost']
  for (let i = 0; i < 100_000; i++)
    trie.bind(
      `orders.${['eu', 'us', 'asia', '*'][i % 4]}.customer-${i >>> 2}.${i % 7 === 0 ? '#' : events[i % 5]}`,
      i % 1_000,
    )
  t.ok(trie.bytes <= 12e6, `${trie.bytes} bytes, ${trie.nodes} nodes`)
  t.strictSame(routed(trie, 'orders.eu.customer-1.lost'), [4, 7])
})

t.test('words and keys are any text: lone surrogates, spaces and names of properties', async t => {
  const trie = new TopicTrie()
  for (const [target, word] of ['\ud800', ' ', '__proto__', 'ä', '\0'].entries()) trie.bind(`${word}.*`, target)
  t.strictSame(routed(trie, '\ud800.x'), [0])
  t.strictSame(routed(trie, ' .x'), [1])
  t.strictSame(routed(trie, '__proto__.constructor'), [2])
  t.strictSame(routed(trie, 'ä.'), [3])
  t.strictSame(routed(trie, '\0.x'), [4])
  t.strictSame(routed(trie, 'a\u0308.x'), [], 'equal by code units, as RabbitMQ by bytes')
})
