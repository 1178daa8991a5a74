/**
 * The handler of the queue `fib`: what it returns is the reply. Runs on worker threads.
 */
import type { QueueDelivery } from 'millrace'

function fib(n: number): number {
  return n < 2 ? n : fib(n - 1) + fib(n - 2)
}

export default function answer({ value }: QueueDelivery<number>): number {
  if (!Number.isInteger(value) || value < 0) throw new RangeError(`there is no Fibonacci number ${value}`)
  return fib(value)
}
