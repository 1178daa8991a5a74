/**
 * Says once that a broker without anything to do is all that keeps the process alive: mostly `close` was forgotten.
 *
 * The creating thread, if that is the main one. A timer that keeps nothing alive looks every 5 s, and asks for counts only where nothing
 * else keeps the process alive. It must see that twice. Bound: one look at a time, and one line.
 */
import { setTimeout } from '../../actors/world.ts'

const LOOK_MS = 5_000
/** What standard output and standard error may be. */
const STANDARD_STREAMS = ['PipeWrap', 'TTYWrap']

/** An open run, as the line names it. */
export interface OpenWork {
  readonly topic: string
  readonly group: string
  readonly queue?: string
  /** What it has, and has not settled. */
  unsettled(): Promise<number>
}

/** What it looks at. */
export interface Lingering {
  /** Names of what keeps the process alive, as Node lists them. */
  resources(): readonly string[]
  /** Whether somebody means to end the process in another way, or something will come by itself. */
  isExpected(): boolean
  runs(): readonly OpenWork[]
  tell(first: OpenWork, runs: number): void
}

/** Whether it is only the broker: its port to the control thread, and the standard streams. */
export function isAlone(resources: readonly string[]): boolean {
  const streams = resources.filter(name => STANDARD_STREAMS.includes(name)).length
  const ports = resources.filter(name => name === 'MessagePort').length
  return ports === 1 && streams <= 2 && streams + ports === resources.length
}

/** One look, after one that saw this. Returns what it saw; 'told': no other look is necessary. */
export async function look(
  lingering: Lingering,
  before: 'nothing' | 'lingering',
): Promise<'nothing' | 'lingering' | 'told'> {
  const [first, ...more] = lingering.runs()
  if (first === undefined || lingering.isExpected() || !isAlone(lingering.resources())) return 'nothing'
  const unsettled = await Promise.all([first, ...more].map(run => run.unsettled()))
  if (unsettled.some(count => count > 0)) return 'nothing'
  if (before === 'nothing') return 'lingering'
  lingering.tell(first, more.length + 1)
  return 'told'
}

/** Looks until it has told, or until there is nothing to look at any more. */
export function watchLingering(lingering: () => Lingering | undefined): void {
  let seen: 'nothing' | 'lingering' = 'nothing'
  const wait = (): void => {
    setTimeout(() => void again(), LOOK_MS).unref()
  }
  const again = async (): Promise<void> => {
    const found = lingering()
    if (found === undefined) return
    // The broker may close meanwhile.
    const saw = await look(found, seen).catch((): 'told' => 'told')
    if (saw === 'told') return
    seen = saw
    wait()
  }
  wait()
}
