import { clock } from '../operators.ts'
import { approves, BUILT_IN_CAMERA } from '../ordinary.ts'
import { pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * A trainer records courses with OBS or NVIDIA Broadcast, with a physical camera attached.
 *
 * Variants  'newcomer': installs OBS in the first week, as the role requires.
 * Source    threat model N13: a physical camera, the role, and no identity check in a call.
 */
export const n13: Scenario = {
  id: 'N13',
  title: 'a trainer who records',
  truth: 'benign',
  people: 1,
  days: 7,
  variants: ['newcomer'],
  play(cast) {
    const { random, variant } = cast
    const worker = cast.people[0]!
    const newcomer = variant === 'newcomer'
    const tool = pick(random, ['obs-studio-virtual-camera', 'nvidia-broadcast'] as const)
    worker.livesAt(cast.home('Manchester')).role('support').system('windows').hours('09:00', '17:30')
    const first = worker.workday(newcomer ? 1 : 0)
    worker.contract({
      roles: ['support', 'trainer'],
      ...approves({
        tool: tool === 'nvidia-broadcast' ? 'NVIDIA Broadcast' : 'OBS Studio (virtual camera)',
        ...{ approvedBy: 'the head of training', ticket: 'TRN-3' },
      }),
    })
    if (newcomer) worker.joins(first, '09:00').on(first + 1, (stage) => stage.at('10:20').tool(tool))
    worker.on('workdays', (stage) => {
      if (stage.day < first) return
      stage.at('09:30').saw('usb_device', BUILT_IN_CAMERA)
      if (stage.tenure < 2 || ![2, 4].includes(stage.weekday)) return
      stage
        .at(clock(stage.random, '10:30', '15:00'))
        .saw('usb_device', STUDIO_CAMERA)
        .tool(tool, { installed: true })
    })
  },
}

const STUDIO_CAMERA = {
  ...{ VendorId: '046d', ProductId: '082d', Manufacturer: 'Logitech', ProductName: 'HD Pro Webcam C920' },
  ...{ SerialNumber: 'B5F6A93F', InterfaceClasses: ['0e', '0e', '01', '01'], HasKeyboard: false },
}
