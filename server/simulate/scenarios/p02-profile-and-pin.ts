import type { System } from '../observations.ts'
import { BROWSERS, clock, driven, looksRound, settingOf } from '../operators.ts'
import { below, between, pick } from '../random.ts'
import type { Moment, Scenario } from '../scene.ts'

const EXTENSIONS = {
  simplify: 'pbanhockgagggenencehbnadejlgchfc',
  authenticator: 'bhghoamapcdpbohphigoooaddinpkbai',
  finalRound: 'lfbbdphejjjanjiohlmkdbapdmfoaeem',
}

/**
 * As filmed in a sandbox: the operator syncs their own browser profile with its extensions; sets up Chrome Remote
 * Desktop from a shell with a fixed PIN; adds AnyDesk; all behind Astrill.
 *
 * Variants  'renamed': AnyDesk is a portable file under another name, and the profile has only the authenticator.
 *           'pieces': the same over a working day, with hours between, without AnyDesk and VPN: extensions and the PIN
 *           remain.
 * Source    threat model P2, #18, #104, #105, #107; ANY.RUN/BCA/NorthScan in section 1.3. The agent removes codes
 *           and PINs from command lines.
 */
export const p02: Scenario = {
  id: 'P2',
  title: 'their own profile, and a fixed PIN',
  truth: 'infiltrator',
  people: 1,
  days: 8,
  variants: ['renamed', 'pieces'],
  play(cast) {
    const { random, variant } = cast
    const worker = cast.people[0]!
    const { claimed, vpnCity } = settingOf(cast)
    const system = pick(random, ['windows', 'windows', 'macos', 'linux'] as const)
    const exit = cast.vpn('astrill', vpnCity)
    const day = worker.workday(below(random, 2))
    const boot = clock(random, '09:00', '09:50')
    worker.claims(claimed).livesAt(cast.home(claimed)).role('developer').system(system).joins(day, boot)
    const pause = variant === 'pieces' ? () => between(random, 60, 120) : () => between(random, 3, 15)
    worker.on(day, (stage) => {
      if (variant !== 'pieces') stage.tunnels(exit, '10:20', '24:00')
      const moment = stage.at('10:00').wait(between(random, 1, 15))
      if (variant !== 'pieces') moment.tool('astrill')
      moment.runs(BROWSERS[system], `${BROWSERS[system]} --profile-directory="Profile 1"`)
      const brought = variant === 'renamed' ? [EXTENSIONS.authenticator] : Object.values(EXTENSIONS)
      for (const id of brought)
        moment
          .wait(between(random, 0.2, 2))
          .saw('software', { Kind: 'browser_extension', Name: id, Identifier: id, Version: '1.8.0', InstalledAt: null })
      looksRound(moment.wait(pause()), system, random)
      registers(moment.wait(pause()), system)
      if (variant === 'pieces') return
      const how = variant === 'renamed' ? { portable: true, renamed: 'support' } : { unattended: true }
      moment.wait(pause()).tool('anydesk', how)
    })
    worker.on({ from: day + 1, to: cast.days - 1 }, (stage) => {
      if (variant !== 'pieces') stage.tunnels(exit)
      driven(stage, 'Chrome Remote Desktop', { id: cast.hash('account'), from: exit })
    })
  },
}

/** Chrome Remote Desktop from a shell: the installer, then the host with a code and a PIN. */
function registers(moment: Moment, system: System): void {
  const options = '--code=*** --redirect-url=https://remotedesktop.google.com --name=laptop --pin=***'
  if (system === 'windows') {
    const powershell = 'C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe'
    const folder = 'C:\\Program Files (x86)\\Google\\Chrome Remote Desktop\\CurrentVersion'
    moment
      .runs(powershell)
      .runs('C:\\Windows\\System32\\msiexec.exe', 'msiexec /i chromeremotedesktophost.msi /q', {
        ParentImage: powershell,
      })
      .saw('software', { Name: 'Chrome Remote Desktop Host', Publisher: 'Google LLC', Version: '140.0.7339.12' })
      .saw('software', { Name: 'chromoting', Kind: 'service' })
      .runs(`${folder}\\remoting_start_host.exe`, `"${folder}\\remoting_start_host.exe" ${options}`, {
        ParentImage: powershell,
        Signer: 'Google LLC',
        Company: 'Google LLC',
        OriginalFileName: 'remoting_start_host.exe',
      })
      .wait(0.5)
      .runs(`${folder}\\remoting_host.exe`, `"${folder}\\remoting_host.exe" --type=daemon`, { Signer: 'Google LLC' })
    return
  }
  const folder =
    system === 'linux'
      ? '/opt/google/chrome-remote-desktop'
      : '/Library/PrivilegedHelperTools/ChromeRemoteDesktopHost.bundle'
  const start = system === 'linux' ? `${folder}/start-host` : `${folder}/Contents/MacOS/remoting_start_host`
  const Name = system === 'linux' ? 'chrome-remote-desktop' : 'Chrome Remote Desktop Host'
  moment
    .saw('software', { Name, Kind: system === 'linux' ? 'package' : 'application', Version: '140.0.7339.12' })
    .runs(start, `${start} ${options}`)
    .saw('autostart', { Name: system === 'linux' ? 'chrome-remote-desktop@user.service' : 'org.chromium.chromoting' })
}
