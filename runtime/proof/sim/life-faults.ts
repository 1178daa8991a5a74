/** What goes wrong in one life of a simulated broker. Types only. */
import type { SimThread } from './scheduler.ts'

/** What befalls threads of a process. */
export interface LifeFaults {
  begin(main: SimThread): void
  end(): void
}
