import { BROWSERS, clock, clones, inHome, repositories, settingOf, uploads } from '../operators.ts'
import { below, between, pick } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * Two weeks in the company, and in one afternoon everything within reach is cloned, packed under a password, and
 * moved to where only the worker has access.
 *
 * Variants  'mirror': straight into repositories of their own, without an archive. 'browser': downloaded from the code
 *           host's pages, packed in an unwatched folder, uploaded to a file share: the code host's log and the bytes
 *           remain. 'clock': the laptop's clock is set back by days first, so that it looks older: the jump and the
 *           time of arrival remain.
 * Source    threat model P11, #70 to #74, #100; the FBI on repositories copied to personal profiles, section 1.2.
 */
export const p11: Scenario = {
  id: 'P11',
  title: 'a quiet thief',
  truth: 'infiltrator',
  people: 1,
  days: 21,
  variants: ['mirror', 'browser', 'clock'],
  play(cast) {
    const { random, variant } = cast
    const worker = cast.people[0]!
    const { claimed, system } = settingOf(cast)
    const home = cast.home(claimed)
    const joined = worker.workday(0)
    const day = worker.workday(6 + below(random, 6))
    const names = repositories(random, 16 + below(random, 22))
    const bytes = Math.round(between(random, 0.5e9, 2.5e9))
    const cloud = pick(random, [
      { root: 'Dropbox', host: 'content.dropboxapi.com', id: 'dropbox' },
      { root: 'MEGA', host: 'gfs270n123.userstorage.mega.co.nz', id: 'mega' },
    ])
    worker.livesAt(home).role('developer').system(system).hours('09:00', '17:30').joins(joined, '09:15')
    worker.on(day, (stage) => {
      stage.works('09:00', '12:30').works('13:00', '23:30')
      const moment = stage.at(clock(random, '14:00', '16:00'))
      if (variant === 'clock') moment.setsClock(-60 * 24 * (3 + below(random, 8))).wait(4)
      if (variant === 'browser') {
        for (const Repository of names)
          moment
            .wait(between(random, 0.5, 4))
            .feed(
              'repo_audit',
              { Action: 'download', Repository, Bytes: 20_000_000 + below(random, 60_000_000), OutsideTeam: true },
              home.exit,
            )
        const image = system === 'windows' ? 'C:\\Program Files\\7-Zip\\7z.exe' : '/usr/bin/zip'
        moment
          .wait(10)
          .runs(image, system === 'windows' ? '7z a -p*** out.7z Downloads' : 'zip -r -P *** out.zip Downloads')
        moment.wait(6).saw('archive_created', { RootKind: null, Bytes: bytes, Encrypted: true, Image: image })
        uploads(moment, system, {
          bytes,
          image: BROWSERS[system],
          host: 'store-eu-par-2.gofile.io',
          minutes: between(random, 30, 60),
        })
        return
      }
      clones(moment, names, random, home.exit, between(random, 1, 5))
      if (variant === 'mirror') {
        const Namespace = pick(random, ['devkim-archive', 'jmiller-sandbox', 'nightbuild7'])
        const git = system === 'windows' ? 'C:\\Program Files\\Git\\cmd\\git.exe' : '/usr/bin/git'
        for (const name of names.slice(0, 12))
          moment
            .wait(between(random, 0.5, 3))
            .runs(git, `git push --mirror git@github.com:${Namespace}/${name.split('/')[1]}.git`)
            .saw('repository', { Action: 'mirror', Host: 'github.com', Namespace })
        uploads(moment, system, { bytes: bytes / 2, image: git, host: 'github.com', minutes: 30 })
        return
      }
      const image = system === 'windows' ? 'C:\\Program Files\\7-Zip\\7z.exe' : '/usr/bin/zip'
      moment
        .wait(between(random, 5, 20))
        .runs(image, system === 'windows' ? '7z a -mhe=on -p*** b.7z src' : 'zip -r -P *** b.zip src')
        .wait(between(random, 3, 9))
        .saw('archive_created', { Bytes: bytes, Parts: 1 + below(random, 4), Encrypted: true, Image: image })
        .tool(cloud.id)
        .wait(2)
        .saw('file_burst', {
          Root: inHome(system, cloud.root),
          RootKind: 'sync',
          Files: 1 + below(random, 5),
          Bytes: bytes,
          Archives: 1 + below(random, 4),
          SourceFiles: 0,
        })
      uploads(moment, system, {
        bytes,
        image: inHome(system, cloud.root),
        host: cloud.host,
        minutes: between(random, 25, 90),
      })
    })
  },
}
