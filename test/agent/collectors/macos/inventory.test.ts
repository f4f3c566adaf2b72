/**
 * Software, autostarts, watched folders, logons and the clock. Nothing of it was recorded on a Mac of ours.
 *
 * Source  launchd.plist(5), Info.plist keys (CFBundle…), receipts as pkgutil(1) writes them, utmpx of Apple's Libc.
 */
import assert from 'node:assert/strict'
import { autostarts, cronCommands } from '../../../../agent/collectors/macos/autostarts.ts'
import { clockPlaces } from '../../../../agent/collectors/macos/clock-places.ts'
import { accountsOf } from '../../../../agent/collectors/macos/kit/accounts.ts'
import { parseBackgroundItems } from '../../../../agent/collectors/macos/kit/background-items.ts'
import { parseJob } from '../../../../agent/collectors/macos/kit/launchd.ts'
import { signatureIn, signerOf } from '../../../../agent/collectors/macos/kit/mach-o.ts'
import { logons, parseUtmpx } from '../../../../agent/collectors/macos/logons.ts'
import { parseBundle, parseReceipt, software } from '../../../../agent/collectors/macos/software.ts'
import { macPlaces } from '../../../../agent/collectors/macos/watched-places.ts'
import { SWEEP_LIMITS } from '../../../../agent/collectors/shared/folder-sweep.ts'
import { watchedFolders } from '../../../../agent/collectors/shared/watched-folders.ts'
import type { Observation, ObservationOf } from '../../../../wire/event.ts'
import { denied, deniedFolder, fakeHost, link, policy, put, watchPolls } from '../../fake-host.ts'
import { BACKGROUND_ITEMS } from '../../fixtures/background-items.ts'
import { CMS, fatProgram, superBlob } from '../../fixtures/code-signature.ts'
import { entry, fakeMac } from './fake-mac.ts'

const plist = (body: string) =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<plist version="1.0"><dict>${body}</dict></plist>`
const info = (id: string, name: string, version: string) =>
  plist(
    `<key>CFBundleIdentifier</key><string>${id}</string><key>CFBundleName</key><string>${name}</string>` +
      `<key>CFBundleShortVersionString</key><string>${version}</string>` +
      `<key>CFBundleExecutable</key><string>${name}</string>`,
  )
/** Python's plistlib wrote it, with the keys of a receipt of macOS 14. */
const RECEIPT = Buffer.from(
  [
    'YnBsaXN0MDDWAQIDBAUGBwgJCgsMW0luc3RhbGxEYXRlXxARSW5zdGFsbFByZWZpeFBhdGhfEBJJbnN0YWxsUHJvY2Vzc05hbWVf',
    'EA9QYWNrYWdlRmlsZU5hbWVfEBFQYWNrYWdlSWRlbnRpZmllcl5QYWNrYWdlVmVyc2lvbjNByEz0EAAAAFxBcHBsaWNhdGlvbnNZ',
    'SW5zdGFsbGVyXlRlYW1WaWV3ZXIucGtnXxAZY29tLnRlYW12aWV3ZXIudGVhbXZpZXdlclcxNS41MC41CBUhNUpccH+IlZ+uygAA',
    'AAAAAAEBAAAAAAAAAA0AAAAAAAAAAAAAAAAAAADS',
  ].join(''),
  'base64',
)
const RECEIPT_XML = plist(
  '<key>InstallDate</key><date>2026-11-03T10:00:00Z</date><key>PackageIdentifier</key>' +
    '<string>com.teamviewer.teamviewer</string><key>PackageVersion</key><string>15.50.5</string>',
)
const job = (label: string, args: readonly string[]) =>
  plist(
    `<key>Label</key><string>${label}</string><key>ProgramArguments</key>` +
      `<array>${args.map((it) => `<string>${it}</string>`).join('')}</array><key>RunAtLoad</key><true/>`,
  )
const only = <C extends Observation['category']>(category: C, found: Observation[]) =>
  found.filter((it): it is ObservationOf<C> => it.category === category)

describe('agent/collectors/macos, inventory', () => {
  it('homes are those below /Users and root', async () => {
    const host = fakeHost({ '/Users/ann/x': '', '/Users/Shared/x': '', '/Users/.localized': '', '/Users/Guest/x': '' })
    const { homes, nameOf, gaps } = await accountsOf(host, { time: 0, collector: 'x' })
    assert.deepEqual([homes, nameOf(0), nameOf(501), gaps], [['/var/root', '/Users/ann'], 'root', '501', []])
    const closed = await accountsOf(fakeHost({ '/Users': deniedFolder }), { time: 0, collector: 'x' })
    assert.deepEqual(
      closed.gaps.map((it) => it.Reason),
      ['denied'],
    )
  })

  it('software: bundles, receipts, Homebrew, jobs, extensions; then a new version, and one that is removed', async () => {
    const anydesk = '/Applications/AnyDesk.app/Contents/Info.plist'
    const host = fakeHost({
      [anydesk]: info('com.philandro.anydesk', 'AnyDesk', '8.0.0'),
      '/Applications/AnyDesk.app/Contents/MacOS/AnyDesk': fatProgram(superBlob(CMS)),
      '/Applications/Utilities/Terminal.app/Contents/Info.plist': info('com.apple.Terminal', 'Terminal', '2.14'),
      '/Applications/Maker/Tool.app/Contents/Info.plist': 'damaged',
      '/Users/ann/Applications/Mine.app/Contents/Info.plist': info('org.example.mine', 'Mine', '1'),
      '/private/var/db/receipts/com.teamviewer.teamviewer.plist': RECEIPT_XML,
      '/private/var/db/receipts/com.apple.pkg.Core.plist': plist(
        '<key>PackageIdentifier</key><string>com.apple.x</string>',
      ),
      '/opt/homebrew/Cellar/rclone/1.68.0/bin/rclone': '',
      '/opt/homebrew/Caskroom/rustdesk/1.3.0/x': '',
      '/Library/LaunchDaemons/com.philandro.anydesk.service.plist': job('com.philandro.anydesk.service', ['/x']),
      '/Users/ann/Library/Application Support/Google/Chrome/Default/Extensions/aapbdbdomjkkjkaonfhkkikfgjllcleb/2.0_0/manifest.json':
        '',
    })
    const polls = [
      () => put(host.tree, anydesk, info('com.philandro.anydesk', 'AnyDesk', '8.0.1')),
      () => put(host.tree, '/Users/ann/Applications/Mine.app', undefined),
    ]
    const found = await watchPolls(software, host, polls, policy, 'macos')
    assert.deepEqual(
      only('software', found[0]!).map((it) => `${it.Kind} ${it.Name} ${it.Version} ${it.Identifier}`),
      [
        'application AnyDesk 8.0.0 com.philandro.anydesk',
        'application Tool null Tool',
        'application Mine 1 org.example.mine',
        'package com.teamviewer.teamviewer 15.50.5 com.teamviewer.teamviewer',
        'package rclone 1.68.0 rclone',
        'application rustdesk 1.3.0 rustdesk',
        'service com.philandro.anydesk.service null com.philandro.anydesk.service',
        'browser_extension aapbdbdomjkkjkaonfhkkikfgjllcleb 2.0 aapbdbdomjkkjkaonfhkkikfgjllcleb',
      ],
    )
    const later = found
      .slice(1)
      .map((it) => only('software', it).map(({ Action, Name, Version }) => [Action, Name, Version]))
    assert.deepEqual(later, [[['installed', 'AnyDesk', '8.0.1']], [['removed', 'Mine', '1']]])
  })

  it('software: a folder that may not be read is a gap, and its software stays', async () => {
    const host = fakeHost({ '/Applications/A.app/Contents/Info.plist': info('a', 'A', '1') })
    const found = await watchPolls(
      software,
      host,
      [() => put(host.tree, '/Applications', deniedFolder)],
      policy,
      'macos',
    )
    assert.deepEqual(only('software', found[1]!), [])
    assert.deepEqual(
      only('collection_gap', found[1]!).map((it) => [it.About, it.Reason]),
      [['/Applications', 'denied']],
    )
  })

  it('bundles and receipts that are damaged, empty or of others', () => {
    assert.equal(parseBundle('/Applications/X.app', null)?.Name, 'X')
    assert.equal(parseBundle('/Applications/X.app', Buffer.from(plist('')))?.Identifier, 'X')
    assert.equal(parseBundle('/Applications/X.app', Buffer.from(info('com.apple.x', 'X', '1'))), null)
    for (const bytes of [RECEIPT.subarray(0, 90), Buffer.from('x'), Buffer.from(plist('')), null])
      assert.equal(parseReceipt(bytes), null)
    assert.deepEqual(parseReceipt(RECEIPT), parseReceipt(Buffer.from(RECEIPT_XML)))
    assert.equal(parseReceipt(Buffer.from(RECEIPT_XML))?.InstalledAt, Date.UTC(2026, 10, 3, 10))
  })

  it('the signer of a program; one without a signature, cut anywhere, or of another form has none', async () => {
    const whole = fatProgram(superBlob(CMS))
    const signer = (bytes: Buffer) => signerOf(fakeHost({ '/a': bytes }), '/a')
    assert.equal(await signer(whole), 'Example Remote GmbH')
    assert.equal(await signer(whole.subarray(64)), 'Example Remote GmbH')
    for (let length = 0; length < whole.length; length += 53)
      assert.equal(await signer(whole.subarray(0, length)), null)
    assert.equal(await signer(Buffer.from(`\x7fELF${'x'.repeat(100)}`)), null)
    const endless = Buffer.alloc(64)
    endless.writeUInt32LE(0xfeedfacf, 0)
    endless.writeUInt32LE(0xffffffff, 16)
    assert.equal(signatureIn(endless), null)
  })

  it('autostarts: daemons, agents, background items, cron, a login hook; then a new one', async () => {
    const agent = '/Users/ann/Library/LaunchAgents/com.example.helper.plist'
    const host = fakeHost({
      '/Library/LaunchDaemons/com.philandro.anydesk.plist': job('com.philandro.anydesk', [
        '/Applications/AnyDesk.app/Contents/MacOS/AnyDesk',
        '--password',
        'hunter2',
      ]),
      '/Library/LaunchAgents/broken.plist': 'no plist',
      '/private/var/at/tabs/ann': '# a comment\nMAILTO=x\n*/5 * * * * /Users/ann/sync.sh\n@reboot /Users/ann/up\n',
      '/private/var/db/com.apple.backgroundtaskmanagement/BackgroundItems-v8.btm': 'an old one',
      '/private/var/db/com.apple.backgroundtaskmanagement/BackgroundItems-v16.btm': BACKGROUND_ITEMS,
      '/private/var/root/Library/Preferences/com.apple.loginwindow.plist': plist(
        '<key>LoginHook</key><string>/opt/hook</string>',
      ),
      '/Users/ann/.zshrc': '',
    })
    const polls = [() => put(host.tree, agent, job('com.example.helper', ['/Users/ann/helper']))]
    const [first, second] = await watchPolls(autostarts, host, polls, policy, 'macos')
    assert.deepEqual(
      only('autostart', first!).map((it) => `${it.Kind} ${it.Scope} ${it.Name}: ${it.Command}`),
      [
        'daemon system com.philandro.anydesk: /Applications/AnyDesk.app/Contents/MacOS/AnyDesk --password ***',
        'agent system broken.plist: null',
        'cron user ann: /Users/ann/sync.sh',
        'cron user ann: /Users/ann/up',
        'login_hook system LoginHook: /opt/hook',
        'login_item user AnyDesk: /Applications/AnyDesk.app',
        'login_item user Helper: Contents/Library/LoginItems/Helper.app/',
        'login_item user 8.com.example.agent: /Applications/A.app/Contents/MacOS/agent --token ***',
        'login_item system daemon: /Library/PrivilegedHelperTools/d',
      ],
    )
    assert.deepEqual(
      only('autostart', second!).map((it) => `${it.Kind} ${it.Scope} ${it.Command}`),
      ['agent user /Users/ann/helper'],
    )
  })

  it('autostarts: the database of background items needs Full Disk Access, and says so', async () => {
    const host = fakeHost({ '/private/var/db/com.apple.backgroundtaskmanagement/BackgroundItems-v16.btm': denied })
    const [first] = await watchPolls(autostarts, host, [], policy, 'macos')
    assert.deepEqual(
      only('collection_gap', first!).map((it) => it.Reason),
      ['denied'],
    )
  })

  it('background items: what is no such archive is refused, at any length', () => {
    for (let length = 0; length < BACKGROUND_ITEMS.length; length += 61)
      assert.throws(() => parseBackgroundItems(BACKGROUND_ITEMS.subarray(0, length)), SyntaxError)
    assert.throws(() => parseBackgroundItems(Buffer.from(plist(''))), /no archive/)
  })

  it('jobs: Program is what runs, the arguments begin with a name', () => {
    const text = plist(
      '<key>Program</key><string>/bin/a</string><key>ProgramArguments</key><array><string>b</string><string>-c</string></array>',
    )
    assert.deepEqual(parseJob(Buffer.from(text)), { label: null, args: ['/bin/a', '-c'] })
    assert.deepEqual(parseJob(Buffer.from(plist('<key>Label</key><string>x</string>'))), { label: 'x', args: null })
    assert.equal(parseJob(Buffer.from('<plist><array/></plist>')), null)
  })

  const tables: [line: string, found: string[]][] = [
    ['0 4 * * 1-5 /a b', ['/a b']],
    ['@daily  /a', ['/a']],
    ['  # 0 4 * * * /a', []],
    ['PATH=/usr/bin', []],
    ['0 4 * *', []],
    ['', []],
  ]
  for (const [line, found] of tables) it(`cron: '${line}'`, () => assert.deepEqual(cronCommands(line), found))

  const utmpx = (user: string, line: string, host: string, type: number) => {
    const bytes = Buffer.alloc(628)
    bytes.write(user)
    bytes.write(line, 260)
    bytes.writeInt32LE(77, 292)
    bytes.writeInt16LE(type, 296)
    bytes.writeUInt32LE(1_793_610_000, 300)
    bytes.write(host, 308)
    return bytes
  }
  it('logons: at the display, over sshd, in a window; then one leaves', async () => {
    const all = [
      utmpx('utmpx-1.00', '', '', 10),
      utmpx('ann', 'console', '', 7),
      utmpx('ann', 'ttys000', '203.0.113.9', 7),
      utmpx('ann', 'ttys001', '', 7),
      utmpx('bob', 'ttys002', '', 8),
    ]
    const host = fakeHost({ '/var/run/utmpx': Buffer.concat(all) })
    const polls = [() => put(host.tree, '/var/run/utmpx', Buffer.concat(all.slice(0, 2)))]
    const [first, second] = await watchPolls(logons, host, polls, policy, 'macos')
    assert.deepEqual(
      only('logon', first!).map((it) => [it.User, it.LogonType, it.SourceIp, it.Action]),
      [
        ['ann', 'console', null, 'present'],
        ['ann', 'remote', '203.0.113.9', 'present'],
        ['ann', 'terminal', null, 'present'],
      ],
    )
    assert.deepEqual(
      only('logon', second!).map((it) => it.Action),
      ['logoff', 'logoff'],
    )
    assert.deepEqual(parseUtmpx(Buffer.concat(all).subarray(0, 700)), [])
  })

  it("the time zone by macOS' own link, and a clock that was set", async () => {
    const host = fakeHost({ '/etc/localtime': link('/var/db/timezone/zoneinfo/Asia/Seoul') })
    const [first, second, third] = await watchPolls(
      clockPlaces,
      host,
      [() => {}, () => host.setClock(3_600_000)],
      policy,
      'macos',
    )
    assert.deepEqual(
      only('clock_place', first!).map((it) => [it.TimeZone, it.UtcOffsetMinutes]),
      [['Asia/Seoul', 540]],
    )
    assert.deepEqual([second, only('clock_place', third!).map((it) => it.ClockJumpMs)], [[], [3_600_000]])
  })

  it('watched folders: a new LaunchAgent by name, and a mass copy to a stick; a disk image is none', async () => {
    const mac = fakeMac({
      mounts: () => [
        { from: '/dev/disk4s1', at: '/Volumes/STICK', type: 'msdos', isLocal: true, isHidden: false, bytes: 1 },
        { from: '/dev/disk5s1', at: '/Volumes/Image', type: 'hfs', isLocal: true, isHidden: false, bytes: 1 },
      ],
    })
    const media = (name: string, bus: string) =>
      entry(
        name,
        { 'BSD Name': name, Removable: true },
        { 'Protocol Characteristics': { 'Physical Interconnect': bus } },
      )
    mac.classes.IOMedia = [media('disk4s1', 'USB'), media('disk5s1', 'Virtual Interface')]
    const host = fakeHost({
      '/Volumes/STICK/old.txt': 'x',
      '/Volumes/Image/old.txt': 'x',
      '/Users/ann/Library/LaunchAgents/a.plist': 'x',
      '/Users/ann/Library/CloudStorage/Dropbox/x.txt': 'x',
    })
    const changed = () => {
      put(host.tree, '/Users/ann/Library/LaunchAgents/b.plist', 'new')
      for (let n = 0; n < 25; n++) {
        put(host.tree, `/Volumes/STICK/f${n}.ts`, 'y'.repeat(1_000))
        put(host.tree, `/Volumes/Image/f${n}.ts`, 'y'.repeat(1_000))
      }
    }
    const collector = {
      ...watchedFolders(
        () => ({ close: async () => {} }),
        () => {},
        SWEEP_LIMITS,
        macPlaces(mac),
      ),
      categories: ['file_event', 'file_burst'] as const,
    }
    const polls = Array.from({ length: 42 }, (_, n) => () => (n === 1 ? changed() : undefined))
    const found = (await watchPolls(collector, host, polls, policy, 'macos')).flat()
    assert.deepEqual(
      only('file_event', found).map((it) => it.TargetFilename),
      ['/Users/ann/Library/LaunchAgents/b.plist'],
    )
    assert.deepEqual(
      only('file_burst', found).map((it) => [it.Root, it.RootKind, it.Files, it.SourceFiles]),
      [['/Volumes/STICK', 'removable', 25, 25]],
    )
  })
})
