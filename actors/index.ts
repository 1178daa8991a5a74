/** The door to `actors/`: host threads, calls between them, exit reasons, supervision, mailboxes. */

export { type BackoffOptions, backoffMs } from './backoff.ts'
export type { Behave, BehaviourContext } from './boot.ts'
export {
  CallError,
  type CallFailure,
  type Calls,
  type ConnectOptions,
  connect,
  pump,
  type Remote,
  type ServeOptions,
  serve,
  transfer,
} from './control-port.ts'
export { type ErrorWire, fromWire, setErrorWire, toWire, type WireError } from './error-wire.ts'
export { describe, type ExitReason, isNormal } from './exit-reason.ts'
export { type HostIncarnation, HostPool, type HostPoolOptions } from './host.ts'
export { Mailbox } from './mailbox.ts'
export { step } from './supervisor.ts'
export {
  type ChildSpec,
  type ChildState,
  createSupervisor,
  type Escalation,
  type RestartType,
  type Step,
  type Strategy,
  type SupervisorDefaults,
  type SupervisorEffect,
  type SupervisorInput,
  type SupervisorOptions,
  type SupervisorState,
} from './supervisor-state.ts'
