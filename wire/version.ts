/**
 * The version of the contract between agent and server.
 *
 * One dated line a change, newest last. A server refuses a hello it does not speak with `wire.version` and says which
 * versions it does.
 *
 * 1  2026-11-22  first contract: envelope, categories, hello · challenge · proof · welcome · batch · ack · policy · ping
 */
export const WIRE_VERSION = 1
export const WIRE_VERSIONS_SPOKEN: readonly number[] = [1]
