import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import * as z from 'zod'
import asnFile from '../../rules/catalogue/asns.json' with { type: 'json' }
import { TOOL_CATEGORIES, type ToolCategory } from '../../rules/catalogue/categories.ts'
import hardwareFile from '../../rules/catalogue/hardware.json' with { type: 'json' }
import { asnClass, interfaceTool, loadCatalogue, newerRelease, recognise } from '../../rules/catalogue/index.ts'
import { matches } from '../../rules/catalogue/names.ts'
import toolFile from '../../rules/catalogue/tools.json' with { type: 'json' }
import type { EventOf } from '../../wire/event.ts'
import { NETWORK_CLASSES } from '../../wire/events/derived.ts'
import { CatalogueFacts } from '../../wire/recording.ts'
import { event } from './catalogue/events.ts'

const catalogue = loadCatalogue()

const text = z.string().min(1).max(256)
const texts = z.array(text).min(1).max(64)
const perSystem = z.strictObject({ windows: texts.optional(), linux: texts.optional(), macos: texts.optional() })
const port = z.int().min(1).max(65_535)
const hex = z.string().regex(/^([0-9a-f]{4}|\*)$/)
const date = z.iso.date()
const head = {
  version: date,
  note: text,
  sources: z.record(z.string(), z.strictObject({ title: z.string().max(512), date, licence: text })),
}
const provenance = {
  sources: texts,
  date,
  confidence: z.enum(['verified', 'listed', 'reported', 'analyst']),
  reports: z
    .strictObject({
      evidence: z.enum(['reported', 'secondary', 'unverified', 'technique-only']),
      by: z.array(z.string().max(256)),
    })
    .optional(),
}
const ToolFile = z.strictObject({
  ...head,
  tools: z.array(
    z.strictObject({
      id: z.string().regex(/^[a-z0-9-]{1,128}$/),
      name: text,
      category: z.enum(Object.keys(TOOL_CATEGORIES) as [ToolCategory, ...ToolCategory[]]),
      names: perSystem.optional(),
      weakNames: texts.optional(),
      paths: perSystem.optional(),
      files: texts.optional(),
      projects: texts.optional(),
      commands: z
        .array(
          z
            .strictObject({
              programs: texts,
              words: texts.optional(),
              parts: texts.optional(),
              scriptEnds: texts.optional(),
            })
            .refine((mark) => mark.words || mark.parts || mark.scriptEnds),
        )
        .min(1)
        .optional(),
      services: texts.optional(),
      packages: texts.optional(),
      publishers: texts.optional(),
      weakPublishers: texts.optional(),
      extensions: z
        .array(z.string().regex(/^([a-p]{32}|[\w.{}@-]{3,80}@[\w.-]+)$/))
        .min(1)
        .optional(),
      domains: texts.optional(),
      callers: texts.optional(),
      browsers: z.literal(true).optional(),
      addresses: z.array(z.ipv4()).min(1).optional(),
      ports: z.array(port).optional(),
      distinctivePorts: z.array(port).optional(),
      interfaces: texts.optional(),
      tunnelMtu: z.array(z.strictObject({ interface: text, mtu: z.int().min(576) })).optional(),
      resolvers: z.array(z.ipv4()).optional(),
      unattended: texts.optional(),
      unattendedNames: texts.optional(),
      ...provenance,
    }),
  ),
})
const parts = z.array(z.enum(['pointer', 'storage', 'audio', 'network', 'video']))
const HardwareFile = z.strictObject({
  ...head,
  releases: z.record(z.string(), z.strictObject({ of: text, version: text, date })),
  factorySerials: texts,
  kvmSerials: texts,
  cardReaders: texts,
  presenterNames: texts,
  shapeExceptions: z.array(
    z.strictObject({ vendorId: hex, productId: hex, why: text, explains: parts, mayExplain: parts.optional() }),
  ),
  claims: z.array(
    z.strictObject({
      vendorId: hex,
      productId: hex,
      name: text,
      keyboard: z.literal(false).optional(),
      hid: z.int().min(1),
      mbps: z.number(),
      milliamperes: z.int(),
      serial: z.boolean(),
      sources: texts,
      date,
      seen: date,
      confidence: z.enum(['verified', 'listed', 'reported', 'analyst']),
    }),
  ),
  devices: z.array(
    z.strictObject({
      id: text,
      name: text,
      kind: z.enum(['ip_kvm', 'capture', 'jiggler', 'gadget', 'sbc']),
      maker: text.optional(),
      seen: date,
      fallback: z.literal(true).optional(),
      inquiry: texts.optional(),
      usb: z
        .array(
          z.strictObject({
            vendorId: hex,
            productId: hex,
            strings: texts.optional(),
            productLike: texts.optional(),
            needs: z.array(z.enum(['keyboard', 'network', 'storage_or_absolute_pointer'])).optional(),
          }),
        )
        .optional(),
      edid: z
        .array(
          z
            .strictObject({
              hashes: z
                .array(z.string().regex(/^[0-9a-f]{64}$/))
                .min(1)
                .optional(),
              maker: z.string().length(3).optional(),
              product: z
                .string()
                .regex(/^0x[0-9a-f]{4}$/)
                .optional(),
              name: text.optional(),
              nameStarts: text.optional(),
              nameLike: texts.optional(),
              serial: text.optional(),
            })
            .refine((mark) => Object.keys(mark).length > 0),
        )
        .optional(),
      ...provenance,
    }),
  ),
})
const AsnFile = z.strictObject({
  ...head,
  columns: z.tuple([z.literal('asn'), z.literal('name'), z.literal('class'), z.literal('sources')]),
  sanctionedNetworks: z.array(z.cidrv4()),
  asns: z.array(z.tuple([z.int().min(1).max(4_294_967_295), text, z.enum(NETWORK_CLASSES), text])),
})

const facts = (category: string, fields: object) => recognise(catalogue, event(category, fields))
const tool = (category: string, fields: object) => {
  const [first, ...more] = facts(category, fields)?.tools ?? []
  assert.deepEqual(more, [])
  return first && `${first.id} by ${first.by}${first.renamed ? ' renamed' : ''}${first.unattended ? ' unattended' : ''}`
}
const hardware = (category: string, fields: object) => {
  const [first] = facts(category, fields)?.hardware ?? []
  return first && `${first.kind} ${first.id} by ${first.by}`
}

describe('catalogue files', () => {
  it('tools.json holds to its schema', () => {
    ToolFile.parse(toolFile)
  })
  it('hardware.json holds to its schema', () => {
    HardwareFile.parse(hardwareFile)
  })
  it('asns.json holds to its schema', () => {
    AsnFile.parse(asnFile)
  })
  it('ids are unique, and every source that an entry names is explained', () => {
    for (const { list, sources } of [
      { list: toolFile.tools, sources: toolFile.sources },
      { list: hardwareFile.devices, sources: hardwareFile.sources },
    ]) {
      const ids = list.map((it) => it.id)
      assert.equal(new Set(ids).size, ids.length)
      assert.deepEqual(
        list.flatMap((it) => it.sources).filter((it) => !Object.hasOwn(sources, it)),
        [],
      )
    }
    const asns = asnFile.asns.map(([asn]) => asn)
    assert.equal(new Set(asns).size, asns.length)
  })
  it('every entry has a source, and is as old as its newest', () => {
    for (const { list, sources } of [
      { list: toolFile.tools, sources: toolFile.sources as Record<string, { date: string }> },
      { list: hardwareFile.devices, sources: hardwareFile.sources as Record<string, { date: string }> },
    ])
      for (const it of list) {
        const newest = it.sources
          .map((key) => sources[key]?.date ?? '')
          .sort()
          .at(-1)
        assert.equal(it.date, newest, it.id)
        assert.ok(it.date <= catalogue.version, it.id)
      }
  })
  it('hardware of a maker has a release, and was read on a day after its date', () => {
    const { releases } = catalogue
    for (const { id, maker, date, seen } of catalogue.hardware) {
      assert.ok(maker === undefined || Object.hasOwn(releases, maker), id)
      assert.ok(date <= seen || seen === catalogue.version, id)
    }
  })
  it('an entry is outdated when its maker released something later', () => {
    const entry = { ...catalogue.hardware[0]!, maker: 'x', date: '2026-05-01' }
    const released = (date: string) => ({ ...catalogue, releases: { x: { of: 'x/kvm', version: '2', date } } })
    assert.deepEqual(
      ['2026-04-30', '2026-05-01', '2026-05-02'].map((it) => newerRelease(released(it), entry)?.date ?? null),
      [null, null, '2026-05-02'],
    )
    assert.equal(newerRelease(released('2026-05-02'), { ...entry, maker: 'y' }), null)
  })
  it('a product that a disguise may claim is listed once, and a vendor is explained once', () => {
    const ids = hardwareFile.claims.map((it) => `${it.vendorId}:${it.productId}`)
    assert.equal(new Set(ids).size, ids.length)
    const explained = hardwareFile.shapeExceptions.map((it) => `${it.vendorId}:${it.productId}`)
    assert.equal(new Set(explained).size, explained.length)
  })
  it('entries from a public report have its source', () => {
    for (const it of catalogue.tools) assert.ok(!it.reports || it.reports.by.length > 0, it.id)
  })
  it('every entry can be recognised by something', () => {
    const blind = catalogue.tools.filter(
      (it) =>
        !(it.names || it.paths || it.files || it.projects || it.commands || it.services || it.packages) &&
        !(it.extensions || it.publishers || it.domains || it.addresses || it.distinctivePorts || it.interfaces) &&
        !(it.weakNames && (it.weakPublishers || it.ports)),
    )
    assert.deepEqual(
      blind.map((it) => it.id),
      [],
    )
  })
  it('options are written in lower case, as command lines are compared', () => {
    for (const it of catalogue.tools)
      for (const option of it.unattended ?? []) assert.equal(option, option.toLowerCase(), it.id)
  })
  it('the categories are those that README.md explains, and each has an entry', async () => {
    const readme = await readFile(new URL('../../rules/catalogue/README.md', import.meta.url), 'utf8')
    const table = readme.split('\n').filter((line) => line.startsWith('| `'))
    const explained = table.flatMap((line) =>
      [...(line.split('|')[1] ?? '').matchAll(/`([a-z-]+)`/g)].map((it) => it[1]!),
    )
    const known = Object.keys(TOOL_CATEGORIES)
    assert.deepEqual(explained.toSorted(), known.toSorted())
    assert.deepEqual([...new Set(catalogue.tools.map((it) => it.category))].toSorted(), known.toSorted())
  })
  it('README.md names the ids that reports tie to such cases', async () => {
    const readme = await readFile(new URL('../../rules/catalogue/README.md', import.meta.url), 'utf8')
    const reported = [...catalogue.tools, ...catalogue.hardware].filter((it) => it.reports?.evidence === 'reported')
    assert.ok(reported.length > 0)
    for (const { id } of reported) assert.match(readme, new RegExp(`\`${id}\``), id)
  })
  it('one executable name belongs to one tool, or one laptop would seem to have two', () => {
    const owner = new Map<string, string>()
    for (const { id, names } of toolFile.tools as { id: string; names?: Record<string, string[]> }[])
      for (const [system, list] of Object.entries(names ?? {}))
        for (const name of list) {
          const key = `${system} ${name.toLowerCase()}`
          assert.equal(owner.get(key) ?? id, id, key)
          owner.set(key, id)
        }
  })
})

describe('recognise: tools', () => {
  const windows = { product: 'windows' }
  const cases: { name: string; category?: string; fields: object; is: string | undefined }[] = [
    { name: 'by executable', fields: { Image: '/usr/bin/anydesk' }, is: 'anydesk by name' },
    { name: 'by executable in any folder', fields: { Image: '/tmp/x/AnyDesk' }, is: 'anydesk by name' },
    { name: 'deleted under its own feet', fields: { Image: '/tmp/anydesk (deleted)' }, is: 'anydesk by name' },
    { name: 'a Windows executable under Wine', fields: { Image: '/home/a/AnyDesk.exe' }, is: 'anydesk by name' },
    {
      name: 'on Windows, case and separators aside',
      fields: { ...windows, Image: 'C:\\Users\\a\\Downloads\\ANYDESK.EXE' },
      is: 'anydesk by name',
    },
    {
      name: 'a pattern',
      fields: { ...windows, Image: 'C:\\x\\rustdesk-1.3.9-x86_64.exe' },
      is: 'rustdesk by name',
    },
    { name: 'a Windows pattern stays on Windows', fields: { Image: '/opt/rustdesk-tools.exe' }, is: undefined },
    { name: 'by folder', fields: { Image: '/opt/teamviewer/tv_bin/helper' }, is: 'teamviewer by path' },
    { name: 'a folder that begins alike is another', fields: { Image: '/opt/teamviewer2/helper' }, is: undefined },
    {
      name: 'on any drive',
      fields: { ...windows, Image: 'D:\\Program Files\\AnyDesk\\gcapi.exe' },
      is: 'anydesk by path',
    },
    {
      name: 'a script under its interpreter',
      fields: {
        Image: '/usr/bin/python3.11',
        CommandLine: '/usr/bin/python3 -I /opt/google/chrome-remote-desktop/chrome-remote-desktop --start',
      },
      is: 'chrome-remote-desktop by path',
    },
    {
      name: "a tool's name among a script's arguments is no tool",
      fields: { Image: '/usr/bin/python3.11', CommandLine: 'python3 inventory.py anydesk' },
      is: undefined,
    },
    {
      name: 'a tool named in an editor is no tool',
      fields: { Image: '/usr/bin/vim', CommandLine: 'vim /etc/anydesk' },
      is: undefined,
    },
    {
      name: 'renamed, but signed',
      fields: { ...windows, Image: 'C:\\x\\svc.exe', Signer: 'CN=AnyDesk Software GmbH, O=AnyDesk Software GmbH' },
      is: 'anydesk by signer renamed',
    },
    {
      name: 'renamed, but its own name is inside',
      fields: { ...windows, Image: 'C:\\x\\update.exe', OriginalFileName: 'TeamViewer.exe' },
      is: 'teamviewer by name renamed',
    },
    {
      name: 'a weak name alone is nothing',
      fields: { ...windows, Image: 'C:\\x\\client32.exe', Signer: 'Some Vendor Ltd' },
      is: undefined,
    },
    {
      name: "a weak name with its tool's publisher",
      fields: { ...windows, Image: 'C:\\x\\konea.exe', Signer: 'Quest Software Inc.' },
      is: 'quest-kace-agent-formerly-dell-kace by signer',
    },
    {
      name: 'a password for access without anybody present',
      fields: { Image: '/usr/bin/anydesk', CommandLine: 'anydesk --set-password' },
      is: 'anydesk by name unattended',
    },
    {
      name: 'a host registered with a PIN',
      fields: {
        Image: '/opt/google/chrome-remote-desktop/start-host',
        CommandLine: '/opt/google/chrome-remote-desktop/start-host --code=*** --name=x --pin=***',
      },
      is: 'chrome-remote-desktop by path unattended',
    },
    {
      name: 'an option that only begins alike',
      fields: { Image: '/usr/bin/anydesk', CommandLine: 'anydesk --set-password-policy' },
      is: 'anydesk by name',
    },
    {
      name: 'an installer on the command line',
      fields: {
        ...windows,
        Image: 'C:\\Windows\\System32\\msiexec.exe',
        CommandLine: 'msiexec /i "C:\\a b\\chromeremotedesktophost.msi" /q',
      },
      is: 'chrome-remote-desktop by name',
    },
    { name: 'a package', category: 'software', fields: { Name: 'rustdesk' }, is: 'rustdesk by package' },
    {
      name: 'a package that was removed',
      category: 'software',
      fields: { Name: 'rustdesk', Action: 'removed' },
      is: 'rustdesk by package',
    },
    {
      name: 'a unit',
      category: 'software',
      fields: { Name: 'teamviewerd.service', Kind: 'service' },
      is: 'teamviewer by service',
    },
    {
      name: 'a Windows service with a random part',
      category: 'software',
      fields: { ...windows, Name: 'ScreenConnect Client (0a1b2c3d)', Kind: 'service' },
      is: 'screenconnect by service',
    },
    {
      name: "Windows' own remote desktop service is on every laptop",
      category: 'software',
      fields: { ...windows, Name: 'TermService', Kind: 'service' },
      is: undefined,
    },
    {
      name: 'an application with its version',
      category: 'software',
      fields: { ...windows, Name: 'TeamViewer 15.50.5', Kind: 'application' },
      is: 'teamviewer by package',
    },
    {
      name: 'a bundle id',
      category: 'software',
      fields: { product: 'macos', Name: 'Any', Kind: 'application', Identifier: 'com.philandro.anydesk' },
      is: 'anydesk by package',
    },
    {
      name: 'an autostart by its command',
      category: 'autostart',
      fields: { Name: 'helper.desktop', Command: '/usr/share/rustdesk/files/run --tray' },
      is: 'rustdesk by path',
    },
    {
      name: 'a launchd label',
      category: 'file_event',
      fields: { product: 'macos', TargetFilename: '/Library/LaunchAgents/com.carriez.RustDesk_server.plist' },
      is: 'rustdesk by service',
    },
    {
      name: "RustDesk's own port",
      category: 'listening_socket',
      fields: { Port: 21_118 },
      is: 'rustdesk by port',
    },
    {
      name: 'the same port on loopback',
      category: 'listening_socket',
      fields: { Port: 21_118, Address: '127.0.0.1' },
      is: undefined,
    },
    {
      name: 'a port that many use',
      category: 'listening_socket',
      fields: { Port: 5_900 },
      is: undefined,
    },
    {
      name: 'a relay of its own',
      category: 'network_connection',
      fields: { DestinationPort: 21_116 },
      is: 'rustdesk by port',
    },
    {
      name: 'a host',
      category: 'network_connection',
      fields: { DestinationHostname: 'relay-1a2b.net.anydesk.com.' },
      is: 'anydesk by domain',
    },
    {
      name: 'a host by pattern',
      category: 'network_connection',
      fields: { DestinationHostname: 'agents7-cloud.acronis.com' },
      is: 'acronis-cyber-protect-remotix by domain',
    },
    {
      name: 'a host that only ends alike',
      category: 'network_connection',
      fields: { DestinationHostname: 'notanydesk.com' },
      is: undefined,
    },
    {
      name: "a browser on the vendor's page",
      category: 'network_connection',
      fields: { DestinationHostname: 'download.anydesk.com', Image: '/usr/lib/firefox-esr/firefox-esr' },
      is: undefined,
    },
    {
      name: 'a mesh interface',
      category: 'network_place',
      fields: { TunnelInterface: 'tailscale0', TunnelMtu: 1_280 },
      is: 'tailscale by interface',
    },
    {
      name: 'Astrill by its tunnel',
      category: 'network_place',
      fields: { TunnelInterface: 'tun0', TunnelMtu: 1_293 },
      is: 'astrill by interface',
    },
    {
      name: 'Astrill by its resolver',
      category: 'network_place',
      fields: { DnsServers: ['198.19.255.254'] },
      is: 'astrill by interface',
    },
    {
      name: 'an ordinary tunnel identifies no tool',
      category: 'network_place',
      fields: { TunnelInterface: 'tun0', TunnelMtu: 1_500 },
      is: undefined,
    },
    { name: 'nor does WireGuard', category: 'network_place', fields: { TunnelInterface: 'wg0' }, is: undefined },
    {
      name: "a session in the tool's own log",
      category: 'remote_session',
      fields: { Tool: 'AnyDesk', Unattended: true },
      is: 'anydesk by name unattended',
    },
    {
      name: 'an executable that the agent may not read, by its command line',
      fields: { CommandLine: 'anydesk --set-password' },
      is: 'anydesk by name unattended',
    },
    { name: 'neither image nor command line', fields: {}, is: undefined },
    { name: 'an empty image', fields: { Image: '' }, is: undefined },
    { name: 'a folder in place of a file', fields: { Image: '/opt/teamviewer/' }, is: 'teamviewer by path' },
  ]
  for (const { name, category = 'process_creation', fields, is } of cases)
    it(name, () => assert.equal(tool(category, fields), is))

  it('interfaceTool identifies the client by the interface only', () => {
    const place = event('network_place', { TunnelInterface: 'nordlynx' }) as EventOf<'network_place'>
    assert.equal(interfaceTool(catalogue, place)?.id, 'nordvpn')
  })
})

describe('recognise: ordinary software', () => {
  const programs = [
    ...'ssh sshd ssh-agent scp vncviewer screen tmux remote agent service services server client daemon helper'.split(
      ' ',
    ),
    ...'update updater setup installer launcher monitor manager host code cursor docker dockerd containerd'.split(' '),
    ...'podman kubectl helm node npm npx yarn pnpm deno bun python python3 pip java javac gradle mvn git gh'.split(' '),
    ...'git-remote-https cargo rustc go make cmake ninja gcc clang ld gdb strace perf qemu-system-x86_64'.split(' '),
    ...'slack zoom zoom.us teams ms-teams msteams discord telegram-desktop signal-desktop skypeforlinux'.split(' '),
    ...'chrome chromium google-chrome firefox firefox-esr msedge brave opera safari thunderbird evolution'.split(' '),
    ...'bash sh zsh fish sudo su systemd systemd-logind cron dbus-daemon NetworkManager wpa_supplicant'.split(' '),
    ...'gnome-shell plasmashell Xorg Xwayland pipewire pulseaudio wireplumber nautilus dolphin konsole'.split(' '),
    ...'vim nvim emacs nano sublime_text idea pycharm webstorm goland clion rider datagrip postman insomnia'.split(' '),
    ...'aws gcloud az terraform ansible vagrant packer psql mysql redis-server mongod postgres nginx apache2'.split(
      ' ',
    ),
    ...'curl wget rsync nc socat tar gzip zip unzip 7z gpg openssl vlc mpv ffmpeg gimp inkscape blender spotify'.split(
      ' ',
    ),
    ...'libreoffice soffice.bin evince okular loopback element session connect level link sync backup box xray'.split(
      ' ',
    ),
    ...'gnome-keyring-daemon polkitd fwupd snapd flatpak packagekitd cupsd avahi-daemon bluetoothd charon pppd'.split(
      ' ',
    ),
  ]
  const onWindows = [
    ...'svchost.exe services.exe lsass.exe explorer.exe RuntimeBroker.exe SearchHost.exe dwm.exe mstsc.exe'.split(' '),
    ...'rdpclip.exe msiexec.exe conhost.exe cmd.exe powershell.exe pwsh.exe wsl.exe putty.exe plink.exe'.split(' '),
    ...'Code.exe Docker.exe slack.exe Zoom.exe ms-teams.exe Teams.exe chrome.exe msedge.exe OUTLOOK.EXE'.split(' '),
    ...'git.exe node.exe python.exe java.exe winpty-agent.exe perl.exe ssh.exe setup.exe installer.exe'.split(' '),
    ...'agent.exe client.exe remote.exe service.exe update.exe AutoUpdate.exe NotificationHelper.exe 7z.exe'.split(' '),
  ]
  const onMacos = [
    ...['Finder', 'Dock', 'bird', 'cloudd', 'ARDAgent', 'SSMenuAgent', 'loginwindow', 'WindowServer', 'zoom.us'],
    ...['Slack', 'Code Helper', 'Google Chrome', 'Microsoft Teams', 'Session', 'Element', 'GoTo', 'Surge', 'Meta'],
  ]
  const packages = [
    ...'openssh-server openssh-client screen tmux tigervnc-viewer realvnc-vnc-viewer remmina vinagre docker.io'.split(
      ' ',
    ),
    ...'docker-ce code nodejs python3 git slack-desktop zoom google-chrome-stable teams gnome-remote-desktop'.split(
      ' ',
    ),
    ...'krfb vino network-manager-openvpn openvpn wireguard-tools curl rsync zip p7zip-full qemu-system-x86'.split(' '),
    ...'awscli s3cmd gnome-shell libreoffice cups avahi-daemon libvncserver1 libvncclient1 freerdp2-x11'.split(' '),
  ]

  /** On every other laptop: rules give their presence no weight. */
  const quiet = ['meeting', 'messaging']
  const loud = (category: string, fields: object) =>
    facts(category, fields)
      ?.tools?.filter((it) => !quiet.includes(it.category))
      .map((it) => it.id) ?? []

  it('programs on Linux', () => {
    for (const name of programs)
      for (const folder of ['/usr/bin', '/usr/lib/x', '/opt/x', '/home/a/.local/bin'])
        assert.deepEqual(
          loud('process_creation', { Image: `${folder}/${name}`, CommandLine: `${name} --help` }),
          [],
          name,
        )
  })
  it('programs on Windows', () => {
    for (const name of [...onWindows, ...programs.map((it) => `${it}.exe`)]) {
      const fields = { product: 'windows', Image: `C:\\Program Files\\X\\${name}`, OriginalFileName: name }
      assert.deepEqual(
        loud('process_creation', { ...fields, Signer: 'Microsoft Windows', Company: 'Microsoft Corporation' }),
        [],
        name,
      )
    }
  })
  it('programs on macOS', () => {
    for (const name of [...onMacos, ...programs])
      assert.deepEqual(loud('process_creation', { product: 'macos', Image: `/Applications/X/${name}` }), [], name)
  })
  it('packages', () => {
    for (const name of packages) assert.deepEqual(loud('software', { Name: name, Identifier: name }), [], name)
  })
  it('units', () => {
    for (const name of ['ssh', 'sshd', 'docker', 'cron', 'snapd', 'remote-fs', 'getty@tty1', 'vmtoolsd', 'dbus'])
      assert.equal(facts('software', { Name: `${name}.service`, Kind: 'service' }), undefined, name)
  })
})

describe('recognise: hardware', () => {
  const kvm = { HasKeyboard: true, HasAbsolutePointer: true }
  const cases: { name: string; category?: string; fields: object; is: string | undefined }[] = [
    {
      name: 'PiKVM by its strings',
      fields: { ...kvm, Manufacturer: 'PiKVM', ProductName: 'PiKVM Composite Device', SerialNumber: 'CAFEBABE' },
      is: 'ip_kvm pikvm by usb_id',
    },
    {
      name: 'a name that is dressed up',
      fields: { ...kvm, Manufacturer: 'Ｐi\u200bKVM', ProductName: 'x', SerialNumber: '1' },
      is: 'ip_kvm pikvm by usb_id',
    },
    { name: 'its serial alone tells', fields: { SerialNumber: 'cafebabe' }, is: 'ip_kvm pikvm by usb_id' },
    {
      name: 'TinyPilot',
      fields: { Manufacturer: 'tinypilot', ProductName: 'Multifunction USB Device' },
      is: 'ip_kvm tinypilot by usb_id',
    },
    {
      name: 'BliKVM has another product id',
      fields: { ProductId: '0106', SerialNumber: '6b65796d696d6570690' },
      is: 'ip_kvm blikvm by usb_id',
    },
    {
      name: 'ids in capitals',
      fields: { VendorId: '38EB', ProductId: '0104' },
      is: 'ip_kvm glkvm by usb_id',
    },
    {
      name: 'the generic gadget id without a string or a keyboard is a development board',
      fields: { Manufacturer: 'Linux', ProductName: 'Multifunction Composite Gadget' },
      is: undefined,
    },
    {
      name: 'the generic gadget id with a keyboard is a gadget, not a KVM',
      fields: { HasKeyboard: true },
      is: 'gadget linux-gadget by usb_id',
    },
    {
      name: 'a root hub',
      fields: { ProductId: '0003', Manufacturer: 'Linux 6.1', ProductName: 'xHCI' },
      is: undefined,
    },
    {
      name: 'a disguise that gives itself away',
      fields: { VendorId: '046d', ProductId: 'c52b', Manufacturer: 'Logitech (x64)', HasKeyboard: true },
      is: 'ip_kvm jetkvm-disguise by usb_id',
    },
    {
      name: 'N12: a genuine Logitech receiver',
      fields: {
        VendorId: '046d',
        ProductId: 'c52b',
        Manufacturer: 'Logitech',
        ProductName: 'USB Receiver',
        HasKeyboard: true,
      },
      is: undefined,
    },
    {
      name: 'a Dell keyboard with a disk inside',
      fields: { VendorId: '413c', ProductId: '2011', HasKeyboard: true, HasStorage: true },
      is: 'ip_kvm jetkvm-disguise by usb_id',
    },
    { name: 'a Dell keyboard', fields: { VendorId: '413c', ProductId: '2011', HasKeyboard: true }, is: undefined },
    {
      name: 'the shape: keyboard, absolute pointer and disk',
      fields: { ...kvm, VendorId: 'abcd', ProductId: '1234', HasStorage: true, SerialNumber: 'A1' },
      is: 'ip_kvm kvm-shape by shape',
    },
    {
      name: 'the shape with a serial from a template',
      fields: { ...kvm, VendorId: 'abcd', ProductId: '1234', SerialNumber: '0123456789abcdef' },
      is: 'ip_kvm kvm-shape by shape',
    },
    {
      name: 'keyboard and absolute pointer alone: a touchpad keyboard',
      fields: { ...kvm, VendorId: '17ef', ProductId: '60ee', SerialNumber: '' },
      is: undefined,
    },
    {
      name: "a virtual machine's tablet",
      fields: { ...kvm, VendorId: '0627', ProductId: '0001', SerialNumber: '0', HasStorage: true },
      is: undefined,
    },
    {
      name: 'a graphics tablet',
      fields: { VendorId: '056a', ProductId: '0374', HasAbsolutePointer: true, HasStorage: true },
      is: undefined,
    },
    {
      name: 'unreadable values are not assumed',
      fields: { VendorId: 'abcd', ProductId: '1234', HasKeyboard: null, HasAbsolutePointer: null, HasStorage: true },
      is: undefined,
    },
    { name: 'a memory stick', fields: { VendorId: '0781', ProductId: '5581', HasStorage: true }, is: undefined },
    {
      name: 'a jiggler by its own name',
      fields: { VendorId: '1234', ProductId: '5678', ProductName: 'USB Mouse_Jiggler' },
      is: 'jiggler mouse-jiggler by usb_id',
    },
    { name: 'unplugged', fields: { Manufacturer: 'PiKVM', Action: 'removed' }, is: undefined },
    {
      name: "the operator's side",
      fields: { VendorId: '534d', ProductId: '2109', ProductName: 'MS2109' },
      is: undefined,
    },
    {
      name: 'PiKVM by EDID',
      category: 'display',
      fields: { MakerId: 'LNX', ProductCode: '0x7773', MonitorName: 'PiKVM V4 Plus' },
      is: 'ip_kvm pikvm by edid',
    },
    {
      name: 'a virtual display of the kernel is no PiKVM',
      category: 'display',
      fields: { MakerId: 'LNX', ProductCode: '0x0000', MonitorName: 'Linux FHD' },
      is: undefined,
    },
    {
      name: 'a preset monitor with the serial from the firmware',
      category: 'display',
      fields: { MakerId: 'DEL', ProductCode: '0x2013', MonitorName: 'DELL D2721H', SerialText: '3S5GQ23' },
      is: 'ip_kvm jetkvm-disguise by edid',
    },
    {
      name: 'the same monitor with its own serial',
      category: 'display',
      fields: { MakerId: 'DEL', ProductCode: '0x2013', MonitorName: 'DELL D2721H', SerialText: '7XYZ123' },
      is: undefined,
    },
    {
      name: 'a capture stick',
      category: 'display',
      fields: { MakerId: 'HJW', ProductCode: '0x0001', MonitorName: 'HDMI TO USB' },
      is: 'capture capture-sink by edid',
    },
    {
      name: 'the panel of a Toshiba laptop',
      category: 'display',
      fields: { MakerId: 'TSB', ProductCode: '0x8888', MonitorName: 'Toshiba-H2C', Internal: true },
      is: undefined,
    },
    { name: 'a display that says nothing', category: 'display', fields: {}, is: undefined },
    ...['JetKVM v1', 'JetKVM 8x9', 'jetkvm'].map((MonitorName) => ({
      name: `the display of a JetKVM since March 2026: ${MonitorName}`,
      category: 'display',
      fields: { MonitorName },
      is: 'ip_kvm jetkvm by edid',
    })),
    {
      name: 'a JetKVM with another name',
      category: 'display',
      fields: { MakerId: 'JET', ProductCode: '0x0001', MonitorName: 'Monitor' },
      is: 'ip_kvm jetkvm by edid',
    },
    {
      name: 'the default of an older JetKVM',
      category: 'display',
      fields: { MakerId: 'TSB', ProductCode: '0x8801', MonitorName: 'T749-fHD720' },
      is: 'ip_kvm jetkvm by edid',
    },
    {
      name: "a server's console on a laptop",
      category: 'display',
      fields: { MakerId: 'DEL', ProductCode: '0x0001', MonitorName: 'DELL IDRAC' },
      is: 'ip_kvm jetkvm-disguise by edid',
    },
    {
      name: 'PiKVM with another name and product',
      category: 'display',
      fields: { MakerId: 'LNX', ProductCode: '0x0001', MonitorName: 'Screen', SerialText: 'CAFEBABE' },
      is: 'ip_kvm pikvm by edid',
    },
    ...['NanoKVM', 'NanoKVM-USB', 'Nano-KVM'].map((MonitorName) => ({
      name: `NanoKVM by EDID: ${MonitorName}`,
      category: 'display',
      fields: { MonitorName },
      is: 'ip_kvm nanokvm by edid',
    })),
    { name: 'NanoKVM-Pro', category: 'display', fields: { MonitorName: '7CH 1080' }, is: 'ip_kvm nanokvm-pro by edid' },
    {
      name: 'Openterface',
      category: 'display',
      fields: { MonitorName: 'HD TO USB' },
      is: 'capture capture-sink by edid',
    },
    {
      name: 'a television whose maker sold a bridge with this name in its sample',
      category: 'display',
      fields: { MakerId: 'TSB', ProductCode: '0x8888', MonitorName: 'Toshiba-H2C', WidthMm: 1600, HeightMm: 900 },
      is: undefined,
    },
    {
      name: 'the very description that BliKVM ships',
      category: 'display',
      fields: {
        ...{ MakerId: 'TSB', ProductCode: '0x8888', MonitorName: 'Toshiba-H2C' },
        EdidHash: '956702126ed86c8b1899a3fae81fd5f337155cc866acfc70679dc29bfbda2b17',
      },
      is: 'ip_kvm blikvm by edid',
    },
    ...[
      ['Glinet Flash Drive', 'glkvm'],
      ['GLINET  Optical Drive', 'glkvm'],
      ['PiKVM Optical Drive', 'pikvm'],
      ['JetKVM Virtual Media', 'jetkvm'],
      ['NanoKVM USB Mass Storage', 'nanokvm'],
      ['sipeed Flash Drive', 'nanokvm-pro'],
      ['One-KVM Disk', 'one-kvm'],
      ['tinypilo Disk', 'tinypilot'],
      ['MyKVM Disk', 'kvm-disk'],
    ].map(([inquiry, id]) => ({
      name: `a disguise whose disk says ${inquiry}`,
      fields: { ...kvm, VendorId: '0bda', ProductId: '1234', HasStorage: true, ScsiInquiry: ['Generic X', inquiry] },
      is: `ip_kvm ${id} by inquiry`,
    })),
    {
      name: 'its disk says more than the ids that many devices have',
      fields: { HasKeyboard: true, HasStorage: true, ScsiInquiry: ['Glinet Flash Drive'] },
      is: 'ip_kvm glkvm by inquiry',
    },
    {
      name: 'the maker named under other ids',
      fields: { VendorId: '0bda', ProductId: '1234', Manufacturer: 'JetKVM' },
      is: 'ip_kvm jetkvm by usb_id',
    },
    {
      name: 'a memory stick and a card reader say who made them',
      fields: {
        VendorId: '0bda',
        ProductId: '0328',
        HasStorage: true,
        ScsiInquiry: ['SanDisk Ultra', 'Generic- SD/MMC'],
      },
      is: undefined,
    },
  ]
  for (const { name, category = 'usb_device', fields, is } of cases)
    it(name, () => assert.equal(hardware(category, fields), is))
})

describe('recognise: what a keyboard is besides', () => {
  const unknown = { VendorId: 'abcd', ProductId: '1234', HasKeyboard: true }
  const disk = { HasStorage: true, InterfaceClasses: ['03', '08'] }
  const k120 = {
    ...{ VendorId: '046d', ProductId: 'C31C', Manufacturer: 'Logitech', ProductName: 'USB Keyboard' },
    ...{ SerialNumber: '', InterfaceClasses: ['03', '03'], HasKeyboard: true },
    ...{ SpeedMbps: 1.5, BcdDevice: '6400', MaxPowerMa: 90, ScsiInquiry: [] },
  }
  const receiver = {
    ...{ VendorId: '046d', Manufacturer: 'Logitech', ProductName: 'USB Receiver', SerialNumber: '', HasKeyboard: true },
    ...{ SpeedMbps: 12, MaxPowerMa: 98 },
  }
  const shapes: [name: string, fields: object, signs: string][] = [
    ['a disk', { ...unknown, ...disk }, 'keyboard and disk'],
    ['a disk by its class alone', { ...unknown, InterfaceClasses: ['03', '08'] }, 'keyboard and disk'],
    ['a network card', { ...unknown, HasNetwork: true }, 'keyboard and network card'],
    ['a camera', { ...unknown, InterfaceClasses: ['03', '0e', '0e'] }, 'keyboard and camera'],
    [
      'a pointer and sound',
      { ...unknown, HasAbsolutePointer: true, InterfaceClasses: ['03', '01'] },
      'keyboard, absolute pointer and sound card',
    ],
    [
      'everything',
      { ...unknown, ...disk, HasAbsolutePointer: true, HasNetwork: true, InterfaceClasses: ['03', '08', '0e', '01'] },
      'keyboard, absolute pointer, disk, sound card, network card and camera',
    ],
    [
      'a serial number of KVM firmware',
      { ...unknown, SerialNumber: 'cafebabe' },
      'keyboard and serial number of KVM firmware',
    ],
    [
      'a serial number that Windows makes up',
      { ...unknown, SerialNumber: '7&1a2b3c4d&0&1' },
      'keyboard and serial number that only Windows makes up',
    ],
    ['a nano receiver with a disk', { ...receiver, ProductId: 'c534', ...disk }, 'Logitech nano receiver with disk'],
    [
      'a nano receiver with a camera and a network card',
      { ...receiver, ProductId: 'c534', HasNetwork: true, InterfaceClasses: ['03', '03', '0e', '02'] },
      'Logitech nano receiver with network card and camera',
    ],
    [
      'a Unifying receiver at high speed',
      { ...receiver, ProductId: 'c52b', SpeedMbps: 480 },
      'Logitech Unifying receiver with speed of 480 Mbit/s',
    ],
    [
      'a K120 with a pointer and too much power',
      { ...k120, HasAbsolutePointer: true, MaxPowerMa: 240 },
      'Logitech K120 with absolute pointer and need of 240 mA',
    ],
    [
      'a K120 with a serial number and three interfaces',
      { ...k120, SerialNumber: '0123456789ABCDEF', InterfaceClasses: ['03', '03', '03'] },
      'Logitech K120 with 3 input interfaces and serial number',
    ],
    [
      'a mouse with a keyboard and pointer',
      { ...unknown, VendorId: '046d', ProductId: 'c077', InterfaceClasses: ['03', '03'], HasAbsolutePointer: true },
      'Logitech M105 mouse with absolute pointer, keyboard and 2 input interfaces',
    ],
    [
      "a receiver maker's ids, and a Linux gadget's disk",
      { ...unknown, ...disk, VendorId: '04d9', ScsiInquiry: ['Linux File-Stor Gadget'] },
      'keyboard and disk',
    ],
    [
      'a gadget id that many devices have, and a disk',
      { ...unknown, ...disk, VendorId: '1d6b', ProductId: '0104' },
      'keyboard and disk',
    ],
    [
      "a tablet maker's ids, and a network card",
      { ...unknown, VendorId: '056a', HasNetwork: true },
      'keyboard and network card',
    ],
  ]
  for (const [name, fields, signs] of shapes)
    it(`shape: ${name}`, () => {
      const [found] = facts('usb_device', { ScsiInquiry: null, ...fields })?.hardware ?? []
      assert.deepEqual(found && [found.id, found.by, found.signs], ['kvm-shape', 'shape', signs])
    })

  const claims: [name: string, fields: object][] = [
    ['a K120 with a pointer', { ...k120, HasAbsolutePointer: true }],
    ['a K120 with a third interface', { ...k120, InterfaceClasses: ['03', '03', '03'] }],
    ['a K120 with a serial number', { ...k120, SerialNumber: 'AB12' }],
    ['a K120 with sound', { ...k120, InterfaceClasses: ['03', '01'] }],
    ['a keyboard of nobody knows with sound', { ...unknown, InterfaceClasses: ['03', '01'] }],
    [
      'a presenter with a disk, by its name',
      { ...unknown, ...disk, ProductName: 'Wireless Presenter', HasAbsolutePointer: true },
    ],
    ['a presenter with a disk, by its maker', { ...unknown, ...disk, VendorId: '047d', HasAbsolutePointer: true }],
    ['a receiver with a disk, by its maker', { ...unknown, ...disk, VendorId: '04d9', HasAbsolutePointer: true }],
    [
      'a keyboard with a card reader',
      { ...unknown, ...disk, ScsiInquiry: ['Generic- SD/MMC', 'Generic USB CF Reader'] },
    ],
  ]
  for (const [name, fields] of claims)
    it(`claim: ${name}`, () =>
      assert.equal(hardware('usb_device', { ScsiInquiry: null, ...fields }), 'ip_kvm kvm-claim by claim'))

  /** Ordinary devices, with descriptors as their owners published them where that is known. */
  const ordinary: [name: string, fields: object][] = [
    ['a K120', k120],
    [
      'a K120 that an older agent reports',
      { ...k120, SpeedMbps: undefined, MaxPowerMa: undefined, ScsiInquiry: undefined },
    ],
    ['a Unifying receiver', { ...receiver, ProductId: 'c52b', InterfaceClasses: ['03', '03', '03'] }],
    ['a Bolt receiver', { ...receiver, ProductId: 'c548', InterfaceClasses: ['03', '03', '03'] }],
    ['a nano receiver', { ...receiver, ProductId: 'c534', InterfaceClasses: ['03', '03'] }],
    [
      'a KB216',
      { ...unknown, VendorId: '413c', ProductId: '2113', SerialNumber: null, InterfaceClasses: ['03', '03'] },
    ],
    ['a presenter without a disk', { ...unknown, ProductName: 'Wireless Presenter', HasAbsolutePointer: true }],
    [
      'a gaming keyboard with a pointer and zeros for a serial number',
      { ...unknown, VendorId: '04d9', ProductId: 'a1cd', SerialNumber: '000000000000', HasAbsolutePointer: true },
    ],
    ['a gaming keyboard with sound', { ...unknown, VendorId: '1b1c', InterfaceClasses: ['03', '03', '01', '01'] }],
    ['a keyboard that plays MIDI', { ...unknown, VendorId: 'feed', InterfaceClasses: ['03', '01', '01'] }],
    ['a keyboard with a chip-card reader', { ...unknown, VendorId: '046a', InterfaceClasses: ['03', '0b'] }],
    ['a security key', { ...unknown, VendorId: '1050', ProductId: '0407', InterfaceClasses: ['03', '03', '0b'] }],
    ['a security key with an encrypted disk', { ...unknown, ...disk, VendorId: '20a0', ProductId: '4109' }],
    ['a barcode scanner with a serial port', { ...unknown, VendorId: '0c2e', InterfaceClasses: ['03', '02', '0a'] }],
    [
      'a drawing tablet with keys and its driver disk',
      { ...unknown, ...disk, VendorId: '256c', HasAbsolutePointer: true },
    ],
    [
      'a KVM switch with its own keyboard and mouse',
      { ...unknown, VendorId: '0557', InterfaceClasses: ['03', '03'], HasAbsolutePointer: true },
    ],
    ['a cover with a touchpad', { ...unknown, VendorId: '045e', ProductId: '07cd', HasAbsolutePointer: true }],
    [
      'a dock hub with a serial number for all',
      { VendorId: '0bda', ProductId: '5413', SerialNumber: '0123456789ABCDEF', InterfaceClasses: ['09'] },
    ],
    [
      'a dock with network and sound',
      { VendorId: '17e9', HasNetwork: true, InterfaceClasses: ['ff', '01', '02', '0a'] },
    ],
    ['a printer with a card reader', { VendorId: '04a9', ...disk, InterfaceClasses: ['07', 'ff', '08'] }],
    [
      'a telephone that shares its connection',
      { VendorId: '18d1', HasNetwork: true, InterfaceClasses: ['e0', '0a', 'ff'] },
    ],
    ['a webcam', { VendorId: '046d', ProductId: '0825', InterfaceClasses: ['0e', '0e', '01', '01'] }],
    ['a headset with buttons', { VendorId: '0b0e', InterfaceClasses: ['01', '01', '03'] }],
  ]
  for (const [name, fields] of ordinary)
    it(`ordinary: ${name}`, () => assert.equal(hardware('usb_device', fields), undefined))
})

describe('recognise: hostile input', () => {
  const long = 4_096
  const rows: [string, object][] = [
    ['process_creation', { Image: '/'.repeat(long) }],
    [
      'process_creation',
      { Image: 'a'.repeat(long), CommandLine: '- '.repeat(long), OriginalFileName: '*'.repeat(256) },
    ],
    ['process_creation', { Image: '/usr/bin/python3', CommandLine: '"'.repeat(8_192) }],
    ['process_creation', { Image: '/usr/bin/python3', CommandLine: `python3 ${'- '.repeat(4_000)}` }],
    ['process_creation', { Image: '\u0000\u202e\ud800', Signer: 'CN=', Company: ',' }],
    ['process_creation', { Image: '__proto__', OriginalFileName: 'constructor', Signer: 'toString' }],
    ['network_connection', { DestinationHostname: '.'.repeat(253) }],
    ['network_connection', { DestinationHostname: 'a.'.repeat(126) }],
    ['software', { Name: ' 1 2 3 '.repeat(36), Identifier: '\\'.repeat(512) }],
    [
      'usb_device',
      { Manufacturer: '\u0000'.repeat(256), ProductName: '-_ '.repeat(85), SerialNumber: ' '.repeat(256) },
    ],
    ['display', { MonitorName: '\ud800', SerialText: '', MakerId: '' }],
  ]
  for (const [category, fields] of rows)
    it(`${category} ${JSON.stringify(fields).slice(0, 60)}`, () => assert.equal(facts(category, fields), undefined))

  it('facts hold to the recorded form', () => {
    const seen = facts('process_creation', { Image: '/usr/bin/anydesk', CommandLine: 'anydesk --set-password' })
    assert.deepEqual(CatalogueFacts.parse(seen), seen)
  })
})

describe('matches', () => {
  const rows: [pattern: string, text: string, is: boolean][] = [
    ['rustdesk*.exe', 'RustDesk-1.exe', true],
    ['rustdesk*.exe', 'rustdesk.exe.txt', false],
    ['a*b*c', 'aXbXbXc', true],
    ['a*b*c', 'aXbXbX', false],
    ['zt????', 'ztabcd', true],
    ['zt????', 'ztabc', false],
    ['*', '', true],
    ['', 'x', false],
  ]
  for (const [pattern, text, is] of rows) it(`${pattern} on ${text}`, () => assert.equal(matches(pattern, text), is))
})

describe('asnClass', () => {
  const rows: [name: string, asn: number, is: string | null][] = [
    ['a VPN provider', 207_137, 'vpn'],
    ['a data centre', 16_509, 'hosting'],
    ["iCloud Private Relay's own network is no data centre", 36_183, 'private_relay'],
    ['a company gateway', 398_391, 'corporate'],
    ['a security service: Zscaler', 53_813, 'sase'],
    ['a security service: Netskope', 55_256, 'sase'],
    ['Cloudflare, whose WARP has its exits there', 13_335, 'sase'],
    ['a satellite provider: Starlink', 14_593, 'satellite'],
    ['a satellite provider: Intelsat', 22_351, 'satellite'],
    ['a carrier that serves homes and offices is not classed', 6_939, null],
    ['a carrier of homes', 7_922, null],
    ['nonsense', -1, null],
  ]
  for (const [name, asn, is] of rows) it(name, () => assert.equal(asnClass(catalogue, asn)?.class ?? null, is))
  it('has its source', () => assert.match(asnClass(catalogue, 207_137)?.by ?? '', /^asn: Packethub/))
})
