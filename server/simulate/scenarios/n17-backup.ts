import { homeOf } from '../observations.ts'
import { uploads } from '../operators.ts'
import { approves, midnight } from '../ordinary.ts'
import { between } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * A service backs the laptop up to the company's bucket every night at one.
 *
 * Variants  'full': the index is lost, and one night all 160 GB are sent again. 'disk': Time Machine instead, to an
 *           encrypted disk on the asset list. 'linux': the agent knows how much leaves but not where to, so only the
 *           program, its options and the hour distinguish a backup from anything else.
 * Source    threat model N17: which program, where to (approved), and when.
 */
export const n17: Scenario = {
  id: 'N17',
  title: 'a backup',
  truth: 'benign',
  people: 1,
  days: 14,
  variants: ['full', 'disk', 'linux'],
  play(cast) {
    const { variant } = cast
    const worker = cast.people[0]!
    const system = variant === 'linux' ? 'linux' : 'macos'
    const approval = { approvedBy: 'IT', ticket: 'IT-300', to: midnight(cast, 365) }
    worker.livesAt(cast.home('Minneapolis')).role('developer').system(system).hours('09:00', '17:30')
    worker.contract({
      ...approves({ tool: 'restic / borg / kopia / duplicity', ...approval }),
      approvedEgress: [{ domain: BUCKET, ...approval }],
      peripherals: [{ kind: 'backup disk', vendorId: '1058', productId: '25a3', serial: 'WX51D98', ...approval }],
    })
    const full = worker.workday(8)
    if (variant === 'disk')
      worker.on('workdays', (stage) => {
        if (![1, 3].includes(stage.weekday)) return
        stage
          .at('12:40')
          .saw('usb_device', DISK)
          .saw('volume_mounted', {
            ...{ VolumeKind: 'apfs', Label: 'Backups', SizeBytes: 2e12, SerialHash: cast.hash('disk') },
          })
        for (let nth = 0; nth < 6; nth++)
          stage
            .at('12:45')
            .wait(nth * 5)
            .saw('file_burst', {
              ...{
                Root: '/Volumes/Backups',
                RootKind: 'removable',
                Files: Math.round(between(stage.random, 300, 1_500)),
              },
              ...{ Bytes: Math.round(between(stage.random, 0.2e9, 1.2e9)), SourceFiles: 200 },
            })
      })
    else
      worker.on('every', (stage) => {
        const bytes = variant === 'full' && stage.day === full ? 160e9 : between(stage.random, 0.8e9, 2.5e9)
        const minutes = bytes > 1e11 ? 300 : 45
        stage.awake('00:55', bytes > 1e11 ? '06:10' : '01:55')
        const image = system === 'linux' ? '/usr/bin/restic' : '/opt/homebrew/bin/restic'
        const moment = stage
          .at('01:00')
          .runs(image, `restic backup -r s3:https://${BUCKET}/laptops ${homeOf(system)}`, {
            ...{ User: 'root', ParentImage: system === 'linux' ? '/usr/lib/systemd/systemd' : '/sbin/launchd' },
          })
        moment.saw('network_connection', { Image: image, DestinationHostname: BUCKET })
        uploads(moment, system, { bytes, image, host: BUCKET, minutes })
      })
  },
}

const BUCKET = 'backup.company.example'
const DISK = {
  ...{ VendorId: '1058', ProductId: '25a3', Manufacturer: 'Western Digital', ProductName: 'Elements 25A3' },
  ...{ SerialNumber: 'WX51D98', InterfaceClasses: ['08'], HasKeyboard: false, HasStorage: true },
}
