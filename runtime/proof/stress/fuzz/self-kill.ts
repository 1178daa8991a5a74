/** When a program of the fuzzer kills itself. Types only. */

/** Ends this process some hand-outs after its thread stood still: the `hands`th hand-out after that is its last. */
export interface SelfKill {
  readonly afterStall: true
  readonly hands: number
}
