import { clock, clones, inHome, repositories, settingOf, uploads } from '../operators.ts'
import { below, between, pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * A few repositories and some hundred megabytes a day, for weeks, never enough to be noticed on a single day, always at
 * the same hour of the night.
 *
 * Variants  'thin': one repository and tens of megabytes a day, by a synchronised folder only. 'scattered': no fixed
 *           hour, in the middle of the day, to three places in turn: the sum remains.
 * Source    threat model P12, section 6 item 9. 25 working days, 60 to 90 repositories, 4 to 8 GB (assumed).
 */
export const p12: Scenario = {
  id: 'P12',
  title: 'a slow drip',
  truth: 'infiltrator',
  people: 1,
  days: 30,
  variants: ['thin', 'scattered'],
  play(cast) {
    const { random, variant } = cast
    const worker = cast.people[0]!
    const { claimed, system } = settingOf(cast)
    const home = cast.home(claimed)
    const names = repositories(random, 60)
    const hour = clock(random, '21:40', '23:20')
    const places = [
      { root: 'Dropbox', host: 'content.dropboxapi.com' },
      { root: 'MEGA', host: 'gfs270n123.userstorage.mega.co.nz' },
      { root: 'pCloudDrive', host: 'c330.pcloud.com' },
    ]
    const usual = pick(random, places)
    worker.livesAt(home).role('developer').system(system).hours('09:00', '17:30')
    let taken = 0
    worker.on('workdays', (stage) => {
      const today = stage.random
      if (stage.day < 2) return
      const at = variant === 'scattered' ? clock(today, '10:00', '16:00') : hour
      const moment = stage.at(at).wait(between(today, 0, 8))
      const count = variant === 'thin' ? 1 : 2 + below(today, 3)
      const fresh = Array.from({ length: count }, () => names[taken++ % names.length]!)
      const bytes = Math.round(variant === 'thin' ? between(today, 25e6, 80e6) : between(today, 150e6, 380e6))
      const { root, host } = variant === 'scattered' ? places[stage.day % 3]! : usual
      clones(moment, fresh, today, home.exit)
        .wait(between(today, 2, 10))
        .saw('file_burst', {
          Root: inHome(system, root),
          RootKind: 'sync',
          Files: 20 + below(today, 300),
          Bytes: bytes,
          SourceFiles: 10 + below(today, 200),
        })
      uploads(moment, system, { bytes, image: inHome(system, root), host, minutes: 15 })
    })
  },
}
