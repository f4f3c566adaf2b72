import assert from 'node:assert/strict'
import { parseLid, power } from '../../../../agent/collectors/linux/power.ts'
import type { Observation } from '../../../../wire/event.ts'
import { HOUR } from '../../../../wire/time.ts'
import { fakeHost, put, watchPolls } from '../../fake-host.ts'

const LID = '/proc/acpi/button/lid/LID0/state'

describe('agent/collectors/linux/power', () => {
  it('reads the small tables', () => {
    assert.equal(parseLid('state:      open\n'), false)
    assert.equal(parseLid('state:      closed\n'), true)
    assert.equal(parseLid('unsupported'), null)
  })

  it('reports the first poll, changes, sleep, and otherwise every six hours', async () => {
    const host = fakeHost({
      [LID]: 'state:      open\n',
      '/sys/class/power_supply/AC/type': 'Mains\n',
      '/sys/class/power_supply/AC/online': '1\n',
      '/sys/class/power_supply/BAT0/type': 'Battery\n',
      '/sys/class/power_supply/BAT0/status': 'Discharging\n',
    })
    let uptime = 1_000
    const pass = (seconds: number, path = '', text = '') => {
      put(host.tree, '/proc/uptime', `${(uptime += seconds)}.50 1.00\n`)
      if (path !== '') put(host.tree, path, text)
    }
    const setClock = (ms: number) => {
      pass(10)
      host.clock += ms
    }
    pass(0)
    const polls = await watchPolls(power, host, [
      () => pass(10),
      () => pass(10, LID, 'state:      closed\n'),
      () => pass(10, '/sys/class/power_supply/AC/online', '0\n'),
      () => pass(7_210),
      // A clock that is set forward is not sleep.
      () => setClock(HOUR),
      () => setClock(6 * HOUR),
    ])
    assert.deepEqual(polls.map(reported), [
      ['lid false battery false up 1000 slept null'],
      [],
      ['lid true battery false up 1020 slept null'],
      ['lid true battery true up 1030 slept null'],
      ['lid true battery true up 8240 slept 7200'],
      [],
      ['lid true battery true up 8260 slept null'],
    ])
  })

  it('reports null without lid and battery, and ignores the battery of a headset', async () => {
    const host = fakeHost({
      '/proc/uptime': '5.00 1.00\n',
      '/sys/class/power_supply/hid/type': 'Battery\n',
      '/sys/class/power_supply/hid/scope': 'Device\n',
      '/sys/class/power_supply/hid/status': 'Discharging\n',
    })
    assert.deepEqual((await watchPolls(power, host)).map(reported), [['lid null battery null up 5 slept null']])
  })

  it('reports a gap without an uptime', async () => {
    assert.deepEqual((await watchPolls(power, fakeHost({}))).map(reported), [
      ['unsupported', 'lid null battery null up null slept null'],
    ])
  })
})

function reported(found: Observation[]): string[] {
  return found.map((it) =>
    it.category === 'power_state'
      ? `lid ${it.LidClosed} battery ${it.OnBattery} up ${it.UptimeSeconds} slept ${it.ResumedAfterSeconds}`
      : it.category === 'collection_gap'
        ? it.Reason
        : it.category,
  )
}
