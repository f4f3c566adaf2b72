import type { System } from '../observations.ts'
import { repositories, settingOf } from '../operators.ts'
import { below, between } from '../random.ts'
import type { Moment, Scenario } from '../scene.ts'

/**
 * The agent is killed, and while it is down the account is busy: code is cloned from this laptop, unseen by the agent.
 *
 * Variants  'firewall': the agent keeps running, but cannot reach its server: its events arrive later, all at once.
 *           'habit': three quarters of an hour every other day, at the same time, and little each time.
 *           'restart': disguised as an update: the service is stopped in an orderly way, and reports that.
 * Source    threat model P15, #96, #97. The commands are those an administrator of each system would use.
 */
export const p15: Scenario = {
  id: 'P15',
  title: 'blinded, then busy',
  truth: 'infiltrator',
  people: 1,
  days: 14,
  variants: ['firewall', 'habit', 'restart'],
  play(cast) {
    const { random, variant } = cast
    const worker = cast.people[0]!
    const { claimed, system } = settingOf(cast)
    const home = cast.home(claimed)
    worker.livesAt(home).role('developer').system(system).hours('09:00', '17:30')
    const hour = 13 + below(random, 2)
    const minute = String(below(random, 50)).padStart(2, '0')
    const days = variant === 'habit' ? [2, 4, 6, 8] : [4 + below(random, 3)]
    for (const nth of days)
      worker.on(worker.workday(nth), (stage) => {
        const hours = variant === 'habit' ? 0.75 : between(stage.random, 1.3, 2.2)
        stage.works('09:00', '12:20').works('12:50', '18:00')
        blinds(stage.at(`${hour}:${minute}`), system, variant)
        const from = `${hour}:${String(Number(minute) + 2).padStart(2, '0')}`
        if (variant === 'firewall') stage.offline(from, hours)
        else if (variant === 'restart') stage.stops(from, hours)
        else stage.silent(from, hours)
        const moment = stage
          .at(from)
          .wait(between(stage.random, 4, 12))
          .feed('idp_login', { DeviceId: worker.device, ManagedDevice: true, Mobile: false, App: 'code' }, home.exit)
        const count = variant === 'habit' ? 3 + below(stage.random, 3) : 12 + below(stage.random, 14)
        for (const Repository of repositories(stage.random, count)) {
          const Bytes = Math.round(between(stage.random, 5e6, 90e6))
          moment
            .wait(between(stage.random, 0.5, variant === 'habit' ? 6 : 3))
            .saw('repository', { Bytes })
            .feed('repo_audit', { Action: 'clone', Repository, Bytes, OutsideTeam: true }, home.exit)
        }
        if (variant !== 'habit') moment.saw('egress', { BytesSent: Math.round(between(stage.random, 0.6e9, 2e9)) })
      })
  },
}

function blinds(moment: Moment, system: System, variant: string | null): void {
  if (variant === 'firewall') {
    if (system === 'windows')
      moment.runs(
        'C:\\Windows\\System32\\netsh.exe',
        'netsh advfirewall firewall add rule name=Print dir=out action=block remoteip=203.0.113.10',
      )
    else if (system === 'macos') moment.runs('/sbin/pfctl', 'pfctl -f /tmp/pf.conf -e')
    else moment.runs('/usr/sbin/iptables', 'iptables -I OUTPUT -d 203.0.113.10 -j DROP')
    return
  }
  if (system === 'windows') moment.runs('C:\\Windows\\System32\\taskkill.exe', 'taskkill /f /im tellwire.exe')
  else if (system === 'macos') moment.runs('/bin/launchctl', 'launchctl bootout system/com.tellwire.agent')
  else moment.runs('/usr/bin/systemctl', 'systemctl stop tellwire-agent')
}
