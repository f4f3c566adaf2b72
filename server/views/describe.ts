/** One event as one line, for the timeline. Values come from laptops: hostile, render them as text. */
import { counted, fill } from '../../rules/language/index.ts'
import type { Category, Event, EventOf } from '../../wire/event.ts'

type Describe = { [C in Category]: (event: EventOf<C>) => string }

const RECOGNIZED_BY: Readonly<Record<EventOf<'hardware'>['MatchedBy'], string>> = {
  usb_id: 'its USB ids',
  inquiry: 'what its disk says',
  edid: 'its description',
  shape: 'its shape',
  claim: 'what it claims',
  twin: 'the display that came with it',
  clone: 'its description on another connector',
  volume: 'its disk',
  cadence: 'its rhythm',
}

const or = (value: unknown, otherwise = 'unknown') =>
  value === null || value === undefined || value === '' ? otherwise : String(value)
const size = (bytes: number | null) => {
  if (bytes === null) return 'unknown size'
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_000
    unit++
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`
}

const DESCRIBE: Describe = {
  process_creation: (e) => `${or(e.Image)} started${e.StartedBeforeAgent ? ' before the agent' : ''}`,
  network_connection: (e) => `${or(e.Image)} ${e.Initiated ? 'to' : 'from'} ${e.DestinationIp}:${e.DestinationPort}`,
  listening_socket: (e) => `${or(e.Image)} listens on ${e.Protocol} ${e.Address}:${e.Port}`,
  egress: (e) =>
    `${size(e.BytesSent)} sent, ${size(e.BytesReceived)} received in ${Math.round(e.WindowSeconds / 60)} min`,
  network_place: (e) =>
    `network: ${or(e.Interface, 'no interface')}${e.TunnelInterface ? `, tunnel ${e.TunnelInterface}` : ''}${e.DefaultRouteOnTunnel ? ' carries everything' : ''}`,
  file_event: (e) => `file ${e.TargetFilename}`,
  file_burst: (e) => `${counted(e.Files, 'file')}, ${size(e.Bytes)} into ${e.RootKind} folder ${e.Root}`,
  archive_created: (e) => `archive of ${size(e.Bytes)} in a ${e.RootKind ?? 'plain'} folder`,
  volume_mounted: (e) =>
    `${e.Removable ? 'removable ' : ''}volume ${or(e.Label, e.VolumeKind)} mounted, ${size(e.SizeBytes)}`,
  repository: (e) => `repository ${e.Action} ${or(e.Host)}`,
  usb_device: (e) => `USB ${e.Action}: ${or(e.Manufacturer, '')} ${or(e.ProductName, `${e.VendorId}:${e.ProductId}`)}`,
  display: (e) => `display ${e.Action}: ${or(e.MakerId)} ${or(e.MonitorName, or(e.ProductCode))}`,
  input_pattern: (e) => `input pattern of ${e.SourceDevice}: ${counted(e.Events, 'event')}`,
  software: (e) => `${e.Kind} ${e.Name} ${or(e.Version, '')} ${e.Action}`,
  autostart: (e) => `set to start automatically: ${e.Name} (${e.Kind})`,
  remote_session: (e) => `${e.Direction} ${e.Tool} session`,
  clock_place: (e) =>
    `time zone ${or(e.TimeZone)}${e.ClockJumpMs ? `, clock jumped ${Math.round(e.ClockJumpMs / 1000)} s` : ''}`,
  logon: (e) => `${or(e.User)} ${e.Action} (${e.LogonType})${e.SourceIp ? ` from ${e.SourceIp}` : ''}`,
  power_state: (e) =>
    e.ResumedAfterSeconds === null
      ? `power: lid ${e.LidClosed === null ? 'unknown' : e.LidClosed ? 'closed' : 'open'}, ${e.OnBattery === null ? 'supply unknown' : e.OnBattery ? 'on battery' : 'on mains'}`
      : `woke after ${Math.round(e.ResumedAfterSeconds / 60)} min`,
  presence: (e) => `active ${e.ActiveMinutes} min in the hour`,
  collection_gap: (e) => `could not see ${e.About}: ${e.Reason}${e.Count === null ? '' : ` (${e.Count})`}`,
  agent_state: (e) => `agent ${e.Action.replaceAll('_', ' ')}${aboutAgent(e)}, version ${e.Version}`,
  connection: (e) =>
    `connected from ${[e.City, e.Region, e.Country].filter(Boolean).join(', ') || 'an address with no known place'} (${e.NetworkClass})`,
  place_mismatch: (e) =>
    e.Reason === 'databases_disagree'
      ? `a database says ${or(e.ObservedCountry)}, other witnesses ${or(e.ContractCountry)}`
      : `contract says ${or(e.ContractCountry)}, seen in ${or(e.ObservedCountry)}`,
  travel: (e) =>
    `${or(e.FromCountry)} to ${or(e.ToCountry)}: ${Math.round(e.DistanceKm)} km in ${e.Hours.toFixed(1)} h`,
  rtt_excess: (e) => `round trips ${Math.round(e.ExcessMs)} ms longer than ${e.Target} explains`,
  rtt_change: (e) => `round trips from ${Math.round(e.BeforeMs)} to ${Math.round(e.AfterMs)} ms`,
  shared_key: (e) => `same ${fill('{KeyKind}', e)} as ${counted(e.Workers - 1, 'other worker')}`,
  tool: (e) => `${e.Tool} recognized by ${e.MatchedBy}${e.Approved ? ', approved' : ''}`,
  hardware: (e) =>
    `${e.Device} recognized by ${RECOGNIZED_BY[e.MatchedBy]}${e.Signs ? `: ${e.Signs}` : ''}${e.Approved ? ', declared' : ''}`,
  remote_operator: (e) =>
    `driven with ${e.Tool}${e.Approved ? ', approved,' : ''} from ${or(e.OperatorCountry, 'an unknown place')}: ${e.HoursToday} h`,
  volume_anomaly: (e) => fill('far above habit for {Metric}: {Value|metric} in {WindowDays|day}', e),
  slow_evidence: (e) => fill('day after day more than colleagues, {Metric}: {Days|day}, in all {Total|metric}', e),
  rhythm: (e) =>
    e.OffHoursShare === null
      ? `active ${Math.round(e.ActiveHoursPerDay)} h a day`
      : `${Math.round(e.OffHoursShare * 100)} % of activity outside the declared hours`,
  silence: (e) => `silent for ${Math.round(e.HoursSilent)} h${e.Announced ? ', announced' : ''}`,
  identity_conflict: (e) => `identity conflict: ${e.Reason.replaceAll('_', ' ')}`,
  code_destination: (e) =>
    `repository ${e.Action.replaceAll('_', ' ')} to ${[e.Host, e.Namespace].filter(Boolean).join('/')}`,
  login_place: (e) => {
    const what = e.SeenBy === 'code_host' ? 'work at the code host' : 'login'
    return `${what} from ${or(e.LoginCountry, 'an unknown country')} (${e.NetworkClass}): ${e.Reason.replaceAll('_', ' ')}`
  },
  contract_event: (e) => `contract: ${e.Action.replaceAll('_', ' ')}`,
  idp_login: (e) => `login to ${or(e.App)} from ${or(e.Ip)}: ${e.Result}`,
  repo_audit: (e) => `repository ${or(e.Repository)}: ${e.Action}`,
  sanctions_match: (e) => `sanctions list ${e.List}: entry ${e.EntryId}`,
}

/** What the agent says about itself with some of its actions. */
function aboutAgent(e: EventOf<'agent_state'>): string {
  const blind = Object.entries(e.BlindSeconds ?? {}).filter(([, seconds]) => seconds > 0)
  const longest = Math.max(0, ...blind.map(([, seconds]) => seconds))
  return [
    e.Changed ? `: its ${e.Changed} was changed` : '',
    e.StoppedSeconds ? ` after ${Math.round(e.StoppedSeconds / 60)} min in which it was stopped` : '',
    e.CutOffSeconds ? ` from the server for ${Math.round(e.CutOffSeconds / 60)} min (${or(e.CutOffBy)})` : '',
    e.StopReason ? ` for ${e.StopReason}` : '',
    longest > 0 ? `, ${counted(blind.length, 'category', 'categories')} not seen for up to ${longest} s` : '',
  ].join('')
}

export function describe(event: Event): string {
  return (DESCRIBE[event.category] as (event: Event) => string)(event)
}
