/**
 * The pools that host threads are started in: Piscina's, or a simulation's.
 *
 * Leaf, the thread that owns hosts; apart from world.ts, so that no other thread loads Piscina.
 */
import { Piscina } from 'piscina'

type PoolOptions = NonNullable<ConstructorParameters<typeof Piscina>[0]>

/** The part of a pool that host.ts uses. */
export type Pool = Pick<Piscina, 'destroy' | 'on' | 'run' | 'threads'>

export let createPool: (options: PoolOptions) => Pool = options => new Piscina(options)

/** Replaces Piscina's pools, on this thread and for good. For simulations only. */
export function replacePools(create: typeof createPool): void {
  createPool = create
}
