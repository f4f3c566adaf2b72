/**
 * The version of the contract between agent and server.
 *
 * One dated line per change, newest last. A server refuses a hello with a version that it does not support with
 * `wire.version`, and names the versions that it supports.
 *
 * 1  2026-11-22  first contract: envelope, categories, hello · challenge · proof · welcome · batch · ack · policy · ping
 *    2026-11-30  usb_device: SpeedMbps, BcdDevice, MaxPowerMa, ScsiInquiry, ReportDescriptorHash; display: Port,
 *                ChecksumValid; network_place: PathMtu. Optional: an older agent leaves them out.
 *    2026-11-30  agent_state: StartsBy, StopReason. Optional: an older agent leaves them out, and polls.
 *    2026-11-30  agent_state: actions cut_off and restored; StoppedSeconds, CutOffSeconds, CutOffBy, Changed,
 *                ProgramHash, PolicyHash, BlindSeconds. Optional: an older agent leaves them out.
 *    2026-11-30  policy: versions, uninstallToken. Optional: a server sends them only where it is asked for them.
 */
export const WIRE_VERSION = 1
export const WIRE_VERSIONS_SUPPORTED: readonly number[] = [1]
