import assert from 'node:assert/strict'
import { check, processStart, recognitionsOf } from '../../../rules/catalogue/check.ts'
import { loadCatalogue } from '../../../rules/catalogue/index.ts'

const catalogue = loadCatalogue()
const told = (thing: string) =>
  check(catalogue, thing).map((it) => `${it.taken ? '' : 'not '}${it.id} by ${it.by}: ${it.fact}`)

describe('check', () => {
  const rows: [thing: string, is: string[]][] = [
    ['teamviewerd', ['teamviewer by name: teamviewerd', 'teamviewer by service: teamviewerd']],
    ['/opt/teamviewer/tv_bin/x', ['teamviewer by path: /opt/teamviewer']],
    ['C:\\Program Files\\AnyDesk\\x.exe', ['anydesk by path: /Program Files/AnyDesk']],
    ['/home/a/.config/rustdesk/x', ['rustdesk by path: ~/.config/rustdesk']],
    ['rustdesk-1.3.9-x86_64.exe', ['rustdesk by name: rustdesk*.exe']],
    ['relay-1.net.anydesk.com', ['anydesk by domain: *.anydesk.com']],
    ['166.88.54.158', ['polinrider by address: 166.88.54.158']],
    ['198.19.255.254', ['astrill by interface: 198.19.255.254']],
    ['nordlynx', ['nordvpn by interface: nordlynx']],
    [':21118', ['rustdesk by port: 21118']],
    ['pbanhockgagggenencehbnadejlgchfc', ['simplify-copilot by package: pbanhockgagggenencehbnadejlgchfc']],
    [
      'com.carriez.rustdesk',
      ['rustdesk by package: com.carriez.rustdesk', 'rustdesk by service: com.carriez.rustdesk'],
    ],
    ['RCService.exe', ['not anyviewer by name: RCService.exe']],
    ['xdotool', ['not scripted-jiggler by command: xdotool']],
    ['38EB:0002', ['glkvm by usb_id: 38eb:*']],
    ['046d:c52b', ['not jetkvm-disguise by usb_id: 046d:c52b']],
    ['ffff:0001', []],
    ['git', []],
    ['/usr/bin/ls', []],
    ['example.com', []],
    ['', []],
    [':99999', []],
    ['\u0000\u202e', []],
    ['/'.repeat(5_000), []],
  ]
  for (const [thing, is] of rows) it(JSON.stringify(thing).slice(0, 60), () => assert.deepEqual(told(thing), is))

  it('shows the source, date and certainty of a fact', () => {
    const [answer] = check(catalogue, 'teamviewerd')
    assert.equal(answer?.date, '2026-11-22')
    assert.equal(answer.confidence, 'listed')
    assert.deepEqual(
      answer.sources.filter((it) => !catalogue.sources[it]),
      [],
    )
    assert.equal(answer.reports?.evidence, 'reported')
    assert.deepEqual(answer.as, ['a program on Linux'])
  })
  it('shows the further conditions for a device', () =>
    assert.match(check(catalogue, '1d6b:0104').find((it) => it.id === 'pikvm')?.needs ?? '', /PiKVM, .*CAFEBABE/))
  it('asks a running program with its command line', () => {
    const seen = { product: 'linux' as const, Image: '/usr/bin/x', CommandLine: 'x', CurrentDirectory: null }
    assert.deepEqual(recognitionsOf(catalogue, [processStart('a running program', seen)]), [])
    const tunnel = { ...seen, Image: '/usr/share/code/code', CommandLine: 'code tunnel' }
    const [answer] = recognitionsOf(catalogue, [processStart('a running program', tunnel)])
    assert.equal(answer?.fact, 'code|code-insiders|code-oss|codium|cursor|windsurf tunnel')
  })
})
