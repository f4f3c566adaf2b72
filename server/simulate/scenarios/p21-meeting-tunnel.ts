import type { System } from '../observations.ts'
import { clock, settingOf } from '../operators.ts'
import { between, pick } from '../random.ts'
import type { Moment, Scenario } from '../scene.ts'

const MEETINGS: Readonly<Record<'zoom' | 'teams', Readonly<Record<System, string>>>> = {
  zoom: {
    windows: 'C:\\Program Files\\Zoom\\bin\\Zoom.exe',
    macos: '/Applications/zoom.us.app/Contents/MacOS/zoom.us',
    linux: '/opt/zoom/zoom',
  },
  teams: {
    windows: 'C:\\Program Files\\WindowsApps\\MSTeams_25198.1112.3855.2900_x64__8wekyb3d8bbwe\\ms-teams.exe',
    macos: '/Applications/Microsoft Teams.app/Contents/MacOS/MSTeams',
    linux: '/usr/share/teams-for-linux/teams-for-linux',
  },
}

/**
 * No remote-control tool at all: the laptop joins a meeting by itself in the morning, shares its screen until evening,
 * and lets the other side control the mouse. Nobody touches it.
 *
 * Variants  'breaks': left and joined again every hour and a half. 'teams': another meeting program.
 * Source    threat model P21, #28, #40; Sygnia's laptop with Zoom. Visible are the parent process, the bytes sent all
 *           day (a shared screen sends 0.15 to 0.6 Mbit/s, assumed after the makers' figures), and the lack of input.
 */
export const p21: Scenario = {
  id: 'P21',
  title: 'a meeting as a tunnel',
  truth: 'infiltrator',
  people: 1,
  days: 10,
  variants: ['breaks', 'teams'],
  play(cast) {
    const { random, variant } = cast
    const worker = cast.people[0]!
    const { claimed, system } = settingOf(cast)
    const Image = MEETINGS[variant === 'teams' ? 'teams' : 'zoom'][system]
    const first = worker.workday(pick(random, [0, 1]))
    worker
      .claims(claimed)
      .livesAt(cast.home(claimed, { monitors: [] }))
      .role('developer')
      .system(system)
    worker.neverSleeps().hours('08:30', '17:30')
    worker.on({ from: first, to: cast.days - 1 }, (stage) => {
      stage.hands(null)
      if (!stage.working) return
      const today = stage.random
      stage.works('08:15', '13:00').works('13:00', '18:00')
      const moment = stage.at(clock(today, '08:00', '08:12'))
      const parts = variant === 'breaks' ? 6 : 1
      const quarters = Math.round(between(today, 34, 39) / parts)
      for (let part = 0; part < parts; part++) {
        joins(moment, system, Image)
        for (let quarter = 0; quarter < quarters; quarter++)
          moment.wait(14.8).saw('egress', {
            ...(system !== 'linux' && { Image, DestinationIp: '198.51.100.44', DestinationPort: 8801 }),
            BytesSent: Math.round(between(today, 17e6, 66e6)),
            BytesReceived: Math.round(between(today, 1e6, 4e6)),
          })
      }
    })
  },
}

function joins(moment: Moment, system: System, Image: string): void {
  startedBy(moment, system, Image)
  if (system !== 'linux' && /zoom/i.test(Image)) {
    // Zoom's own helper that shares a screen.
    const host =
      system === 'windows' ? 'C:\\Program Files\\Zoom\\bin\\CptHost.exe' : Image.replace(/zoom\.us$/, 'CptHost')
    moment.wait(0.3).runs(host, host, { ParentImage: Image, ParentCommandLine: Image })
  }
  moment.saw('network_connection', {
    ...{ Image, Protocol: 'udp', DestinationIp: '198.51.100.44', DestinationPort: 8801 },
  })
}

/** Started by a script at logon, with the meeting on its command line. */
function startedBy(moment: Moment, system: System, Image: string): void {
  const url = 'zoommtg://zoom.us'
  if (system === 'windows') {
    const ParentImage = 'C:\\Windows\\System32\\wscript.exe'
    moment.runs(Image, `"${Image}" "--url=${url}"`, { ParentImage, ParentCommandLine: 'wscript.exe join.vbs' })
  } else if (system === 'macos')
    moment.runs(Image, `${Image} ${url}`, { ParentImage: '/sbin/launchd', ParentCommandLine: 'launchd' })
  else
    moment.runs(Image, `${Image} ${url}`, {
      ParentImage: '/usr/bin/bash',
      ParentCommandLine: 'bash .config/autostart/join.sh',
    })
}
