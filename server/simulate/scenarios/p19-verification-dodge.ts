import type { System } from '../observations.ts'
import { clock, driven, inHome, REMOTE_TOOLS, settingOf } from '../operators.ts'
import { below, between, pick } from '../random.ts'
import type { Moment, Scenario } from '../scene.ts'

/**
 * A video call tomorrow is to verify who they are. In the evening a virtual camera and a voice changer are installed;
 * during the call somebody else controls the laptop remotely.
 *
 * Variants  'script': a face-swap project run from a folder with Python, without any installation. 'before': the
 *           virtual camera was installed weeks ago: only the session during the call is new.
 * Source  threat model P19, #66, #67. No feed says yet that a call is a verification: visible are the meeting, the
 *         tools, and the session.
 */
export const p19: Scenario = {
  id: 'P19',
  title: 'a face for the check',
  truth: 'infiltrator',
  people: 1,
  days: 12,
  variants: ['script', 'before'],
  play(cast) {
    const { random, variant } = cast
    const worker = cast.people[0]!
    const { claimed, vpnCity } = settingOf(cast)
    const system = pick(random, ['windows', 'windows', 'macos'] as const)
    const tool = pick(random, REMOTE_TOOLS.slice(0, 3))
    const by = { id: cast.hash('operator'), from: cast.vpn('astrill', vpnCity), unattended: true }
    const call = worker.workday(3 + below(random, 4))
    const at = clock(random, '10:00', '15:00')
    const camera = pick(random, ['manycam', 'obs-studio-virtual-camera'])
    worker.livesAt(cast.home(claimed)).role('developer').system(system).hours('09:00', '17:30')
    worker.begins(call - 1, '18:00')
    if (variant === 'before') worker.on(worker.workday(0), (stage) => stage.at('12:00').tool(camera))
    else
      worker.on(call - 1, (stage) => {
        const moment = stage.at(clock(random, '18:30', '22:00'))
        if (variant === 'script') swapsFaces(moment, system)
        else
          moment
            .tool(camera)
            .wait(between(random, 5, 30))
            .tool('voicemod')
      })
    worker.on(call, (stage) => {
      stage.works('09:00', '12:40').works('13:10', '17:30')
      const moment = stage.at(at)
      if (variant === 'script') swapsFaces(moment, system)
      else moment.tool(camera, { installed: true })
      moment.tool('zoom', { installed: true }).tool(tool.id, { portable: true })
      moment.controlled(tool.log, between(random, 25, 50), by)
    })
    worker.on(call + 1, (stage) => {
      if (variant === null) driven(stage, tool.log, by)
    })
  },
}

function swapsFaces(moment: Moment, system: System): void {
  const folder = inHome(system, 'Downloads/Deep-Live-Cam-main')
  const python =
    system === 'windows'
      ? 'C:\\Users\\user\\AppData\\Local\\Programs\\Python\\Python311\\python.exe'
      : '/opt/homebrew/bin/python3'
  moment.runs(python, `${python} run.py --execution-provider ${system === 'windows' ? 'cuda' : 'coreml'}`, {
    CurrentDirectory: folder,
  })
}
