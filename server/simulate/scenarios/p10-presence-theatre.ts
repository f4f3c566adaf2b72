import type { System } from '../observations.ts'
import { clock, settingOf } from '../operators.ts'
import { between, chance, pick } from '../random.ts'
import type { Moment, Scenario, Stage } from '../scene.ts'

/**
 * The laptop looks attended day and night, but the work is done during the day of East Asia.
 *
 * Variants  'script': a loop in a shell moves the pointer, without a known program. 'hardware': a plug that claims to
 *           be a mouse: no process at all, a cadence only. 'remote': with remote control on top.
 * Source    threat model P10, #61 to #65, #101; 14 hours a day with idle time counted, section 1.4. The operator's day
 *           of 09:00 to 19:00 at UTC+8 is evening and night in the Americas.
 */
export const p10: Scenario = {
  id: 'P10',
  title: 'presence that is played',
  truth: 'infiltrator',
  people: 1,
  days: 10,
  variants: ['script', 'hardware', 'remote'],
  play(cast) {
    const { random, variant } = cast
    const worker = cast.people[0]!
    const { vpnCity } = settingOf(cast)
    const systems: readonly System[] = variant === 'script' ? ['windows', 'macos', 'linux'] : ['windows', 'macos']
    const system = pick(random, systems)
    const everySeconds = Math.round(between(random, 30, 200))
    const first = worker.workday(1)
    worker
      .livesAt(cast.home(pick(random, ['Chicago', 'Austin', 'Dallas'])))
      .role('developer')
      .system(system)
    worker.neverSleeps()
    worker.on(first, (stage) => {
      const moment = stage.at(clock(random, '10:00', '12:00'))
      if (variant === 'script') loops(moment, system, everySeconds)
      else if (variant === 'hardware')
        moment.saw('usb_device', {
          ...{ VendorId: '248a', ProductId: '8266', Manufacturer: 'Telink', ProductName: 'Wireless Receiver' },
          ...{ InterfaceClasses: ['03'], HasKeyboard: false },
        })
      else
        moment.tool(system === 'windows' ? pick(random, ['mouse-jiggler-arkane-systems', 'move-mouse']) : 'amphetamine')
      if (variant === 'remote') moment.wait(20).tool('anydesk', { unattended: true })
    })
    worker.on({ from: first + 1, to: cast.days - 1 }, (stage) => {
      stage.nudged('00:00', '24:00', everySeconds)
      if (variant === 'hardware') ticks(stage, everySeconds)
      // A slow evening now and then, and Saturdays too.
      if (stage.weekday === 0 && chance(stage.random, 0.6)) return void stage.rests()
      stage.works(clock(stage.random, '20:00', '21:00'), '24:20').works('25:10', clock(stage.random, '28:30', '29:50'))
      if (variant !== 'remote') return
      const by = { id: cast.hash('operator'), from: cast.vpn('astrill', vpnCity) }
      stage
        .hands(null)
        .at(clock(stage.random, '20:30', '21:00'))
        .controlled('AnyDesk', between(stage.random, 160, 200), by)
    })
  },
}

function loops(moment: Moment, system: System, seconds: number): void {
  if (system === 'windows') {
    const shell = 'C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe'
    const keys = "$w = New-Object -ComObject WScript.Shell; while ($true) { $w.SendKeys('{SCROLLLOCK}')"
    moment.runs(shell, `powershell -w hidden -c "${keys}; Start-Sleep ${seconds} }"`)
  } else if (system === 'macos')
    moment.runs('/bin/zsh', `zsh -c while true; do cliclick m:+1,+0; sleep ${seconds}; cliclick m:-1,+0; done`)
  else
    moment.runs(
      '/usr/bin/bash',
      `bash -c while :; do xdotool mousemove_relative 1 0; sleep ${seconds}; xdotool mousemove_relative -- -1 0; done`,
    )
}

/** Hour by hour: the same interval, no button, no wheel. */
function ticks(stage: Stage, seconds: number): void {
  for (let hour = 0; hour < 24; hour++) {
    const times = Math.round(3_600 / seconds)
    stage.at(`${String(hour).padStart(2, '0')}:30`).saw('input_pattern', {
      SourceDevice: 'Telink Wireless Receiver',
      Kind: 'relative_pointer',
      Events: times * 2,
      IntervalHistogramMs: { '50': times, [seconds < 60 ? '60000' : seconds < 120 ? '120000' : '300000']: times },
      ReturnedToOrigin: true,
    })
  }
}
