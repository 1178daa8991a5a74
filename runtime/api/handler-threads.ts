/** The worker threads that a run asks for. The thread that created the broker. */
import { checkSendable } from '../options/sendable.ts'
import type { RunSpec } from '../wire/control-calls.ts'
import type { RestartOptions } from '../words/common-options.ts'
import type { ResourceLimits } from '../words/group-options.ts'

/** Options that concern the threads, of a run of a group or of a queue. */
export interface ThreadOptions {
  readonly threads: number
  readonly handler: string
  readonly data: unknown
  readonly resourceLimits: ResourceLimits | undefined
  readonly restart: { readonly [K in keyof RestartOptions]-?: number }
}

/** @throws MillraceError `MILL_UNSERIALISABLE` for `data` that no thread can read */
export function handlerThreads({ threads, handler, data, resourceLimits, restart }: ThreadOptions): RunSpec['threads'] {
  checkSendable(data, 'the `data` of a run')
  return {
    count: threads,
    handler,
    data,
    execArgv: handlerFlags(),
    resourceLimits: (resourceLimits as Record<string, number> | undefined) ?? null,
    restart,
  }
}

/** What to give to `handle` instead. */
export function whatToHandle(given: unknown, of: 'group' | 'queue'): string {
  const { handler } = Object(given) as { readonly handler?: unknown }
  if (typeof handler === 'function')
    return `handle takes the function itself, and the options after it: ${of}.handle(delivery => { … }, { attempts: 3 })`
  const isModule = given instanceof URL || typeof given === 'string' || handler !== undefined
  return isModule
    ? `a module's handler runs on worker threads: use ${of}.run({ handler: new URL('./handler.js', import.meta.url) })`
    : 'give a function, or what defineHandler({ message(delivery) { … } }) returns'
}

/** Flags of this process that handler threads need too: loaders, conditions; not those that only a process may have. */
function handlerFlags(): string[] {
  const flags: string[] = []
  const kept =
    /^(--import|--require|-r|--loader|--experimental-loader|--conditions|-C|--experimental-strip-types|--no-experimental-strip-types|--experimental-transform-types|--enable-source-maps|--preserve-symlinks|--no-warnings|--disable-warning)(=|$)/
  const valued = /^(--import|--require|-r|--loader|--experimental-loader|--conditions|-C|--disable-warning)$/
  const { execArgv } = process
  for (let index = 0; index < execArgv.length; index++) {
    const flag = execArgv[index] as string
    if (!kept.test(flag)) continue
    flags.push(flag)
    if (valued.test(flag)) flags.push(execArgv[++index] as string)
  }
  return flags
}
