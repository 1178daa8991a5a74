/**
 * The bindings of a topic exchange: a trie of the words of its patterns, walked as a set of active nodes.
 *
 * Any thread. Pure. A node is the number of its edge in `#edges`: the pair of the node above and the word. For each word of a key the walk goes from
 * the active nodes to those that the word reaches; a `#` node reaches itself. A node becomes active once for each word, however many ways lead to
 * it, by a stamp. So a walk visits at most (words + 1) x nodes, whatever the patterns are, and there is no recursion.
 * Source: bug 0f390a2717 of rabbitmq-server, whose walk tried each way by itself and took exponential time for `#.#.#`.
 *
 * Bound: one node for each distinct beginning of a pattern; 29 bytes each and a quarter as much again after growth, and the words.
 */
import type { FoundTargets } from './found-targets.ts'
import { grown, PairTable } from './pair-table.ts'
import { TargetLists } from './target-lists.ts'
import { ANY_WORDS, ONE_WORD, shortestPattern } from './topic-pattern.ts'
import { WordPool } from './word-pool.ts'

const NONE = -1
const ROOT = 0
const DOT = 46
const LAST_STAMP = 2 ** 32 - 1

/** What a node has below it, and what it is. */
const HAS_ONE_WORD = 1
const HAS_ANY_WORDS = 2
const IS_ANY_WORDS = 4

export class TopicTrie {
  readonly #words = new WordPool()
  readonly #targets = new TargetLists()
  readonly #edges = new PairTable()
  readonly #oneWord: number
  readonly #anyWords: number
  #kinds = new Uint8Array(this.#edges.capacity)
  /** By node: how many nodes are right below it. */
  #childCounts = new Uint32Array(this.#edges.capacity)
  #stamps = new Uint32Array(this.#edges.capacity)
  #stamp = 0
  #active = new Uint32Array(16)
  #next = new Uint32Array(16)
  #nextCount = 0
  /** Nodes that became active, in all walks. */
  visits = 0

  constructor() {
    this.#oneWord = this.#words.hold(ONE_WORD, 0, 1)
    this.#anyWords = this.#words.hold(ANY_WORDS, 0, 1)
    // No edge leads to the root; its pair keeps its number.
    this.#edges.add(ROOT, LAST_STAMP)
  }

  get nodes(): number {
    return this.#edges.size
  }

  get bytes(): number {
    return this.#words.bytes + this.#targets.bytes + this.#edges.bytes + 9 * this.#stamps.length
  }

  bind(pattern: string, target: number): void {
    let node = ROOT
    for (const text of shortestPattern(pattern)) node = this.#below(node, text)
    this.#targets.add(node, target)
  }

  /** Removes a binding that was made. */
  unbind(pattern: string, target: number): void {
    let node = ROOT
    for (const text of shortestPattern(pattern)) node = this.#edges.find(node, this.#words.find(text, 0, text.length))
    this.#targets.remove(node, target)
    while (node !== ROOT && this.#childCounts[node] === 0 && this.#targets.isEmpty(node)) node = this.#remove(node)
  }

  route(key: string, found: FoundTargets): void {
    this.#nextCount = 0
    this.#begin()
    this.#activate(ROOT)
    let left = this.#swap()
    const { length } = key
    let start = 0
    while (start <= length && length > 0 && left > 0) {
      let end = start
      while (end < length && key.charCodeAt(end) !== DOT) end++
      this.#step(left, this.#words.find(key, start, end))
      left = this.#swap()
      start = end + 1
    }
    for (let i = 0; i < left; i++) this.#targets.collect(this.#active[i] as number, found)
  }

  /** From the active nodes to those that the word reaches; a word of no pattern is -1. */
  #step(count: number, word: number): void {
    this.#begin()
    for (let i = 0; i < count; i++) {
      const node = this.#active[i] as number
      const kind = this.#kinds[node] as number
      if ((kind & IS_ANY_WORDS) !== 0) this.#activate(node)
      if ((kind & HAS_ONE_WORD) !== 0) this.#activate(this.#edges.find(node, this.#oneWord))
      // The wildcards are words of the pool; as words of a key they are literal, and no edge of their number is.
      if (word === NONE || word === this.#oneWord || word === this.#anyWords || this.#childCounts[node] === 0) continue
      const below = this.#edges.find(node, word)
      if (below !== NONE) this.#activate(below)
    }
  }

  /** With the `#` below it, which no word is needed for. */
  #activate(from: number): void {
    let node = from
    while (this.#stamps[node] !== this.#stamp) {
      this.#stamps[node] = this.#stamp
      if (this.#nextCount === this.#next.length) this.#next = grown(this.#next, 2 * this.#next.length)
      this.#next[this.#nextCount++] = node
      this.visits++
      if (((this.#kinds[node] as number) & HAS_ANY_WORDS) === 0) return
      node = this.#edges.find(node, this.#anyWords)
    }
  }

  /** How many nodes are active after a step. */
  #swap(): number {
    const active = this.#active
    this.#active = this.#next
    this.#next = active
    const count = this.#nextCount
    this.#nextCount = 0
    return count
  }

  #begin(): void {
    if (this.#stamp === LAST_STAMP) {
      this.#stamps.fill(0)
      this.#stamp = 0
    }
    this.#stamp++
  }

  /** The node that the word leads to, which may be new. */
  #below(node: number, text: string): number {
    const known = this.#words.find(text, 0, text.length)
    const found = known === NONE ? NONE : this.#edges.find(node, known)
    if (found !== NONE) return found
    const word = this.#words.hold(text, 0, text.length)
    const below = this.#edges.add(node, word)
    const { capacity } = this.#edges
    if (capacity > this.#stamps.length) {
      this.#kinds = grown(this.#kinds, capacity)
      this.#childCounts = grown(this.#childCounts, capacity)
      this.#stamps = grown(this.#stamps, capacity)
    }
    this.#kinds[below] = word === this.#anyWords ? IS_ANY_WORDS : 0
    this.#childCounts[below] = 0
    this.#childCounts[node] = (this.#childCounts[node] as number) + 1
    this.#kinds[node] = (this.#kinds[node] as number) | this.#mark(word)
    return below
  }

  /** Removes a node that leads nowhere; the node above it is returned. */
  #remove(node: number): number {
    const above = this.#edges.firstOf(node)
    const word = this.#edges.secondOf(node)
    this.#edges.remove(node)
    this.#words.release(word)
    this.#childCounts[above] = (this.#childCounts[above] as number) - 1
    this.#kinds[above] = (this.#kinds[above] as number) & ~this.#mark(word)
    return above
  }

  #mark(word: number): number {
    if (word === this.#oneWord) return HAS_ONE_WORD
    return word === this.#anyWords ? HAS_ANY_WORDS : 0
  }
}
