/**
 * The world of a thread's code: time, timers, chance, other threads, and shared memory.
 *
 * Leaf, any thread. Everything in `actors/` and `runtime/` takes these from here and never from Node itself. A
 * simulation can therefore put a world of its own in their place, with a clock that it moves and threads that it may
 * stop at any step (pools of threads: pool.ts). They are live bindings: `replaceWorld` reaches modules that are loaded
 * already. Nothing here decides anything.
 */
import * as threads from 'node:worker_threads'
import { Memory, type MemoryHandle } from 'sharedarraybuffer-ring'

type WorkerOptions = threads.WorkerOptions

/**
 * Milliseconds on a clock that only goes forward, from a beginning that all threads of the process share, so that
 * threads can compare them. The function is captured now, and not at each call: users' tests put fakes in its place.
 */
export let nowMs: () => number = performance.now.bind(performance)

/** Milliseconds since 1970, on a clock that may be set, forward or back. runtime/base/clock.ts says which files may read it. */
export let wallMs: () => number = Date.now

/** A number from 0 to below 1. */
export let random: () => number = Math.random

export let setTimeout: (run: (value?: unknown) => void, delayMs: number) => NodeJS.Timeout = globalThis.setTimeout
export let clearTimeout: (timer: NodeJS.Timeout | undefined) => void = globalThis.clearTimeout
export let setInterval: (run: () => void, delayMs: number) => NodeJS.Timeout = globalThis.setInterval
export let clearInterval: (timer: NodeJS.Timeout | undefined) => void = globalThis.clearInterval
export let setImmediate: (run: (value?: unknown) => void) => unknown = globalThis.setImmediate
export let queueMicrotask: (run: () => void) => void = globalThis.queueMicrotask

/** The two ends of a channel between threads. */
export let createChannel: () => threads.MessageChannel = () => new threads.MessageChannel()

/** The oldest message that waits in a port, if any. */
export let receiveMessage: (port: threads.MessagePort) => { message: unknown } | undefined =
  threads.receiveMessageOnPort

export let startWorker: (url: URL, options: WorkerOptions) => threads.Worker = (url, options) =>
  new threads.Worker(url, options)

/** Loads a module of the user's. */
export let importModule: (url: string) => Promise<unknown> = url => import(url)

/** This thread's view of memory that another thread gave it. */
export let viewMemory: (handle: MemoryHandle) => Memory = handle => new Memory(handle)

/** New shared memory, and this thread's view of it. */
export let allocateMemory: (bytes: number) => Memory = bytes => Memory.allocate(bytes)

/** All of the above. */
export interface World {
  readonly nowMs: typeof nowMs
  readonly wallMs: typeof wallMs
  readonly random: typeof random
  readonly setTimeout: typeof setTimeout
  readonly clearTimeout: typeof clearTimeout
  readonly setInterval: typeof setInterval
  readonly clearInterval: typeof clearInterval
  readonly setImmediate: typeof setImmediate
  readonly queueMicrotask: typeof queueMicrotask
  readonly createChannel: typeof createChannel
  readonly receiveMessage: typeof receiveMessage
  readonly startWorker: typeof startWorker
  readonly importModule: typeof importModule
  readonly viewMemory: typeof viewMemory
  readonly allocateMemory: typeof allocateMemory
}

/** Replaces Node's world, on this thread and for good. For simulations only. */
export function replaceWorld(world: World): void {
  nowMs = world.nowMs
  wallMs = world.wallMs
  random = world.random
  setTimeout = world.setTimeout
  clearTimeout = world.clearTimeout
  setInterval = world.setInterval
  clearInterval = world.clearInterval
  setImmediate = world.setImmediate
  queueMicrotask = world.queueMicrotask
  createChannel = world.createChannel
  receiveMessage = world.receiveMessage
  startWorker = world.startWorker
  importModule = world.importModule
  viewMemory = world.viewMemory
  allocateMemory = world.allocateMemory
}
