import { BROWSERS, uploads } from '../operators.ts'
import { approves, midnight } from '../ordinary.ts'
import type { Scenario } from '../scene.ts'

/**
 * A video editor uploads a film of 60 GB to the company's archive; a release engineer pushes images to the company's
 * registry every Thursday.
 *
 * Variants  'customer': the film goes to the customer by WeTransfer, which the contract allows for that week.
 * Source    threat model N19: the roles, and the destinations.
 */
export const n19: Scenario = {
  id: 'N19',
  title: 'a film and its images',
  truth: 'benign',
  people: 2,
  days: 14,
  variants: ['customer'],
  play(cast) {
    const { variant } = cast
    const [editor, engineer] = cast.people
    editor!.livesAt(cast.home('Los Angeles')).role('designer').system('macos').hours('10:00', '18:00')
    const day = editor!.workday(8)
    const customer = variant === 'customer'
    const host = customer ? 'storm-eu-west-1.wetransfer.net' : 'files.company.example'
    const week = {
      from: midnight(cast, day - 2),
      to: midnight(cast, day + 5),
      approvedBy: 'a producer',
      ticket: 'FILM-8',
    }
    editor!.contract({
      roles: ['designer', 'video editor'],
      ...approves(...(customer ? [{ tool: 'WeTransfer', ...week }] : [])),
      approvedEgress: [customer ? { domain: 'wetransfer.net', ...week } : { domain: 'files.company.example' }],
    })
    editor!.on(day, (stage) => {
      stage.works('10:00', '18:30')
      stage.at('10:05').saw('archive_created', { Bytes: 60_000_000_000, RootKind: null, Image: '/usr/bin/ditto' })
      const moment = stage.at('10:30').saw('network_connection', { Image: BROWSERS.macos, DestinationHostname: host })
      uploads(moment, 'macos', { bytes: 60e9, image: BROWSERS.macos, host, minutes: 360 })
    })
    engineer!.livesAt(cast.home('Madrid')).role('platform engineer').system('macos').hours('09:00', '17:30')
    engineer!.contract({
      roles: ['platform engineer', 'release engineer'],
      approvedEgress: [{ domain: 'images.company.example', approvedBy: 'IT' }],
    })
    engineer!.on('workdays', (stage) => {
      if (stage.weekday !== 4) return
      stage.works('09:00', '17:30')
      const [image, where] = ['/usr/local/bin/docker', 'images.company.example']
      const moment = stage.at('14:00').runs(image, `docker push ${where}/product:1.${stage.day}`)
      uploads(moment, 'macos', { bytes: 12e9, image, host: where, minutes: 60 })
    })
  },
}
