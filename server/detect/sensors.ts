/**
 * Which sensors saw an event. Two findings of one sensor may be one fact that is told twice; findings of two sensors are
 * independent, and count in full.
 *
 * Shape   one function or name per category. A new category does not compile without one.
 */
import type { Sensor } from '../../rules/language/index.ts'
import type { Category, Event, EventOf } from '../../wire/event.ts'

export function sensorsOf(event: Event): readonly Sensor[] {
  const of = SENSOR_OF[event.category] as Sensor | ((event: Event) => Sensor | readonly Sensor[])
  return [typeof of === 'function' ? of(event) : of].flat()
}

const SENSOR_OF: { [C in Category]: Sensor | ((event: EventOf<C>) => Sensor | readonly Sensor[]) } = {
  process_creation: 'process',
  network_connection: 'process',
  listening_socket: 'process',
  egress: 'files',
  network_place: 'address',
  file_event: 'files',
  file_burst: 'files',
  archive_created: 'files',
  volume_mounted: 'files',
  repository: 'files',
  usb_device: 'peripheral',
  display: 'display',
  input_pattern: 'input',
  software: 'software',
  autostart: 'software',
  remote_session: 'tool_log',
  clock_place: 'clock',
  logon: 'presence',
  power_state: 'presence',
  presence: 'presence',
  collection_gap: 'agent',
  agent_state: 'agent',
  connection: 'address',
  place_mismatch: ({ Reason }) => (Reason === 'operator_address' ? 'tool_log' : 'address'),
  travel: 'address',
  rtt_excess: 'round_trip',
  rtt_change: 'round_trip',
  shared_key: ({ KeyKind }) => SENSOR_OF_KEY[KeyKind],
  tool: ({ MatchedBy }) => (INVENTORY.has(MatchedBy) ? 'software' : 'process'),
  hardware: ({ MatchedBy }) => SENSOR_OF_HARDWARE[MatchedBy],
  remote_operator: 'tool_log',
  slow_evidence: ({ Metric }) => SENSOR_OF_SLOW[Metric],
  volume_anomaly: ({ Metric }) => SENSOR_OF_METRIC[Metric],
  rhythm: 'presence',
  silence: ({ ActiveElsewhere }) => (ActiveElsewhere ? 'identity_provider' : 'agent'),
  // The laptop's git is read from its folders.
  code_destination: ({ SeenBy }) => (SeenBy === 'code_host' ? 'code_host' : 'files'),
  login_place: ({ SeenBy }) => (SeenBy === 'code_host' ? 'code_host' : 'identity_provider'),
  identity_conflict: ({ Reason }) => SENSOR_OF_CONFLICT[Reason],
  contract_event: 'hr',
  idp_login: 'identity_provider',
  repo_audit: 'code_host',
  sanctions_match: 'hr',
}

const SENSOR_OF_HARDWARE: Record<EventOf<'hardware'>['MatchedBy'], Sensor> = {
  usb_id: 'peripheral',
  inquiry: 'peripheral',
  shape: 'peripheral',
  claim: 'peripheral',
  twin: 'peripheral',
  volume: 'peripheral',
  edid: 'display',
  clone: 'display',
  cadence: 'input',
}

const SENSOR_OF_CONFLICT: Record<EventOf<'identity_conflict'>['Reason'], Sensor> = {
  two_places: 'identity_provider',
  code_host_only: 'code_host',
  two_lines: 'identity_provider',
  two_fingerprints: 'agent',
  sequence_replay: 'agent',
  two_machines_at_once: 'agent',
  two_boots_at_once: 'agent',
  fingerprint_changed: 'agent',
  virtual_after_hardware: 'agent',
  virtual_though_listed: 'agent',
}

const SENSOR_OF_SLOW: Record<EventOf<'slow_evidence'>['Metric'], Sensor | readonly Sensor[]> = {
  repositories: 'code_host',
  other_teams: 'code_host',
  sync_bytes: 'files',
  share_bytes: 'files',
  removable_bytes: 'files',
  locked_archives: 'files',
  // Mirrors by the laptop's git, pushes outside by the code host.
  outside_pushes: ['code_host', 'files'],
  remote_hours: 'tool_log',
  approved_remote_hours: 'tool_log',
  round_trip_ms: 'round_trip',
  unseen_device_hours: 'identity_provider',
}

const INVENTORY: ReadonlySet<EventOf<'tool'>['MatchedBy']> = new Set(['package', 'service', 'signer'])

const SENSOR_OF_KEY: Record<EventOf<'shared_key'>['KeyKind'], Sensor> = {
  uplink: 'address',
  gateway: 'address',
  bssid: 'address',
  edid: 'display',
  usb_serial: 'peripheral',
  controller: 'tool_log',
  mfa_device: 'identity_provider',
  login_address: 'identity_provider',
}

const SENSOR_OF_METRIC: Record<EventOf<'volume_anomaly'>['Metric'], Sensor | readonly Sensor[]> = {
  repositories: 'code_host',
  egress_bytes: 'files',
  file_share_bytes: 'files',
  removable_bytes: 'files',
  removable_files: 'files',
  sync_bytes: 'files',
  sync_files: 'files',
  archive_bytes: 'files',
  archive_then_upload_bytes: 'files',
  drip: ['files', 'code_host'],
  remote_session_hours: 'tool_log',
  remote_session_days: 'tool_log',
  screen_share_hours: 'process',
}
