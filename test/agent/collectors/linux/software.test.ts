import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseDpkg, software } from '../../../../agent/collectors/linux/software.ts'
import { linux } from '../../../../agent/host/linux.ts'
import type { Observation } from '../../../../wire/event.ts'
import { DAY } from '../../../../wire/time.ts'
import { checked, denied, type FakeHost, fakeHost, policy, put, watchPolls } from '../../fake-host.ts'
import { needsLinux } from '../../needs-linux.ts'

const dpkg = (name: string, version: string, status = 'install ok installed') =>
  `Package: ${name}\nStatus: ${status}\nMaintainer: A <a@b.example>\nArchitecture: amd64\nVersion: ${version}\nDescription: x\n Package: not this one\n\n`
const EXTENSION = 'abcdefghijklmnopabcdefghijklmnop'

describe('agent/collectors/linux/software', () => {
  it('reads the installed packages of the package list', () => {
    const text = `${dpkg('zlib1g', '1:1.2') + dpkg('old', '1', 'deinstall ok config-files')}rubbish\n\nStatus: install ok installed\n\n`
    assert.deepEqual(parseDpkg(text), [
      {
        Name: 'zlib1g',
        Version: '1:1.2',
        Publisher: 'A <a@b.example>',
        Kind: 'package',
        Identifier: 'zlib1g:amd64',
        InstalledAt: null,
      },
    ])
    assert.deepEqual(parseDpkg(''), [])
    assert.equal(parseDpkg(dpkg('x'.repeat(9_000), 'y'.repeat(9_000)))[0]!.Version!.length, 256)
  })

  const states: [status: string, isThere: boolean][] = [
    ['hold ok installed', true],
    ['install reinstreq half-configured', true],
    ['install ok triggers-pending', true],
    ['install ok unpacked', true],
    ['deinstall ok installed', true],
    ['deinstall ok config-files', false],
    ['purge ok not-installed', false],
    ['installed', false],
  ]
  for (const [status, isThere] of states)
    it(`a package with status '${status}' is ${isThere ? '' : 'not '}there`, () =>
      assert.equal(parseDpkg(dpkg('anydesk', '7.0', status)).length, isThere ? 1 : 0))

  it('reports all once, then what is installed, updated or removed', async () => {
    const host = laptop()
    const polls = await watchPolls(software, host, [
      () => {},
      () => put(host.tree, '/var/lib/dpkg/status', dpkg('a', '2') + dpkg('anydesk', '7.0')),
      () => put(host.tree, '/var/lib/dpkg/status', dpkg('a', '2')),
    ])
    assert.deepEqual(polls.map(reported), [
      [
        'present package a 1 a:amd64',
        'present application org.x.App null org.x.App',
        'present package firefox 4173 firefox:snap',
        'present application Any Desk null anydesk.desktop',
        'present application Astrill null Astrill',
        'present service anydesk.service null anydesk.service',
        `present browser_extension ${EXTENSION} 1.2.3_0 ${EXTENSION}`,
      ],
      [],
      ['installed package a 2 a:amd64', 'installed package anydesk 7.0 anydesk:amd64'],
      ['removed package anydesk 7.0 anydesk:amd64'],
    ])
    assert.equal(host.reads.filter((it) => it === '/var/lib/dpkg/status').length, 3, 'read only when it changed')
  })

  it('a restart reports only changes; after a week, everything is reported again', async () => {
    const host = laptop()
    await watchPolls(software, host)
    put(host.tree, '/var/lib/dpkg/status', dpkg('b', '1'))
    assert.deepEqual((await watchPolls(software, host)).map(reported), [
      ['installed package b 1 b:amd64', 'removed package a 1 a:amd64'],
    ])
    host.clock += 7 * DAY
    assert.equal((await watchPolls(software, host))[0]!.length, 7)
    host.saved.set('software', '{"baselineAt":1,')
    assert.equal((await watchPolls(software, host))[0]!.length, 7, 'a damaged memory is a new baseline')
  })

  it('finds what needs no root: AppImages, packages of pip and npm, extensions of Firefox', async () => {
    const home = '/home/ann'
    const host = fakeHost({
      '/etc/passwd': `ann:x:1000:1000::${home}:/bin/sh\n`,
      [`${home}/Downloads/rustdesk-1.3.AppImage`]: '',
      [`${home}/Downloads/notes.txt`]: '',
      [`${home}/.local/lib/python3.11/site-packages/mouse_jiggler-2.0.1.dist-info/METADATA`]: '',
      [`${home}/.local/lib/python3.11/site-packages/mouse_jiggler/x.py`]: '',
      '/usr/local/lib/node_modules/localtunnel/package.json': '{\n  "name": "localtunnel",\n  "version": "2.0.2"\n}',
      [`${home}/.nvm/versions/node/v24.0.0/lib/node_modules/@me/tool/package.json`]: 'rubbish',
      [`${home}/.mozilla/firefox/a1.default/extensions.json`]: JSON.stringify({
        addons: [
          {
            id: 'remote@x',
            type: 'extension',
            version: '3',
            location: 'app-profile',
            defaultLocale: { name: 'Remote' },
          },
          { id: 'own@mozilla.org', type: 'extension', version: '1', location: 'app-builtin' },
          null,
        ],
      }),
      [`${home}/.mozilla/firefox/b2.other/extensions.json`]: '{"addons":7}',
    })
    const [first] = await watchPolls(software, host)
    assert.deepEqual(reported(first).sort(), [
      'present application rustdesk-1.3.AppImage null rustdesk-1.3.AppImage',
      'present browser_extension Remote 3 remote@x',
      'present package @me/tool null npm:@me/tool',
      'present package localtunnel 2.0.2 npm:localtunnel',
      'present package mouse_jiggler 2.0.1 pip:mouse_jiggler',
      'unparsed /home/ann/.mozilla/firefox/b2.other/extensions.json',
    ])
  })

  it('reports a gap for an unreadable source, and nothing as removed', async () => {
    const host = laptop()
    const [, blind, back] = await watchPolls(software, host, [
      () => put(host.tree, '/var/lib/dpkg/status', denied),
      () => put(host.tree, '/var/lib/dpkg/status', dpkg('a', '1')),
    ])
    assert.deepEqual(reported(blind), ['denied /var/lib/dpkg/status'])
    assert.deepEqual(reported(back), [])
  })

  it('counts items beyond its limit, and reports no known item as removed', async () => {
    const packages = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, n) => dpkg(`p${String(from + n).padStart(5, '0')}`, '1')).join('')
    const host = fakeHost({
      '/etc/passwd': 'ann:x:1000:1000::/home/ann:/bin/bash\n',
      '/var/lib/dpkg/status': packages(1_000, 20_999),
      '/opt/Astrill/astrill': '',
    })
    for (let n = 0; n < 300; n++) put(host.tree, `/home/ann/.config/chromium/Profile ${n}/Extensions/x`, '')
    const [first, second] = await watchPolls(software, host, [
      () => put(host.tree, '/var/lib/dpkg/status', packages(0, 20_999)),
    ])
    assert.deepEqual([first!.length, reported(first)[0]], [20_001, 'overflow browser profiles'])
    assert.deepEqual(reported(second), ['overflow browser profiles', 'overflow list of software'])
    assert.deepEqual(
      second!.map((it) => it.category === 'collection_gap' && it.Count),
      [44, 1_000],
    )
  })

  it('counts desktop files beyond 2,000 in a folder', async () => {
    const host = fakeHost({})
    for (let n = 0; n < 2_010; n++) put(host.tree, `/usr/local/share/applications/${n}.desktop`, '')
    const [first] = await watchPolls(software, host)
    const [gap] = first!
    assert.deepEqual([gap!.category === 'collection_gap' && gap.Count, first!.length], [10, 2_001])
  })

  it('reports a gap if there is only an rpm database', async () => {
    const [first] = await watchPolls(software, fakeHost({ '/var/lib/rpm/rpmdb.sqlite': 'x' }))
    assert.deepEqual(reported(first), ['unsupported /var/lib/rpm'])
  })

  it('lists the software of this machine without duplicates', async function () {
    needsLinux(this)
    const folder = await mkdtemp(join(tmpdir(), 'tellwire-'))
    try {
      const host = linux.host({ hmac: () => '00'.repeat(32), stateFolder: folder })
      const poll = async () => {
        const stop = new AbortController()
        host.sleep = async () => stop.abort()
        const found: Observation[] = []
        for await (const it of software.run(host, policy, stop.signal)) found.push(checked(it))
        return found
      }
      const first = await poll()
      assert.ok(first.length > 10)
      assert.deepEqual(reported(await poll()), [])
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})

function laptop(): FakeHost {
  return fakeHost({
    '/etc/passwd': 'ann:x:1000:1000::/home/ann:/bin/bash\n',
    '/proc/self': '',
    '/var/lib/dpkg/status': dpkg('a', '1'),
    '/var/lib/flatpak/app/org.x.App/current': '',
    '/var/lib/snapd/snaps/firefox_4173.snap': '',
    '/usr/share/applications/anydesk.desktop': '[Desktop Entry]\nName=Any Desk\nExec=/usr/bin/anydesk\n',
    '/usr/share/applications/mimeinfo.cache': '',
    '/opt/Astrill/astrill': '',
    '/etc/systemd/system/anydesk.service': '[Service]\n',
    '/etc/systemd/system/x.target': '',
    [`/home/ann/.config/google-chrome/Default/Extensions/${EXTENSION}/1.2.3_0/manifest.json`]: '{}',
    '/home/ann/.config/google-chrome/Default/Extensions/Temp/x': '',
  })
}

function reported(found: Observation[] | undefined): string[] {
  return found!.map((it) => {
    if (it.category === 'software') return `${it.Action} ${it.Kind} ${it.Name} ${it.Version} ${it.Identifier}`
    return it.category === 'collection_gap' ? `${it.Reason} ${it.About}` : it.category
  })
}
