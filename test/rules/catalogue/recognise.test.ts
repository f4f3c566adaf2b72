/** What the catalogue's second half knows: commands, projects, extensions, places, weak names, quiet hosts. */
import assert from 'node:assert/strict'
import { loadCatalogue, recognise } from '../../../rules/catalogue/index.ts'
import { event } from './events.ts'

const catalogue = loadCatalogue()
const ids = (category: string, fields: object) => recognise(catalogue, event(category, fields))?.tools ?? []
const told = (category: string, fields: object) =>
  ids(category, fields).map(
    (it) => `${it.id} by ${it.by}${it.renamed ? ' renamed' : ''}${it.unattended ? ' unattended' : ''}`,
  )

interface Row {
  name: string
  category?: string
  fields: object
  is: string[]
}
function table(title: string, rows: readonly Row[]): void {
  describe(title, () => {
    for (const { name, category = 'process_creation', fields, is } of rows)
      it(name, () => assert.deepEqual(told(category, fields), is))
  })
}
const windows = { product: 'windows' }

table('commands: everyday programs that are told to', [
  {
    name: 'an editor opens a tunnel',
    fields: { Image: '/usr/share/code/code', CommandLine: '/usr/share/code/code tunnel --name x' },
    is: ['dev-tunnels by command'],
  },
  {
    name: 'an editor opens a folder of that name',
    fields: { Image: '/usr/share/code/code', CommandLine: 'code /home/a/tunnel' },
    is: [],
  },
  {
    name: 'ssh forwards a port back',
    fields: { Image: '/usr/bin/ssh', CommandLine: 'ssh -N -R 2222:localhost:22 host' },
    is: ['ssh-reverse by command'],
  },
  {
    name: 'options in one word',
    fields: { Image: '/usr/bin/ssh', CommandLine: 'ssh -fNR 2222:localhost:22 host' },
    is: ['ssh-reverse by command'],
  },
  { name: 'plain ssh', fields: { Image: '/usr/bin/ssh', CommandLine: 'ssh -A host git pull' }, is: [] },
  {
    name: 'git over ssh',
    fields: { Image: '/usr/bin/ssh', CommandLine: 'ssh git@github.com git-upload-pack x' },
    is: [],
  },
  {
    name: 'a public tunnel over ssh',
    fields: { Image: '/usr/bin/ssh', CommandLine: 'ssh -R 80:localhost:3000 serveo.net' },
    is: ['ssh-public-tunnel by command', 'ssh-reverse by command'],
  },
  {
    name: 'a mouse that moves by itself',
    fields: { Image: '/usr/bin/xdotool', CommandLine: 'xdotool mousemove_relative 1 1' },
    is: ['scripted-jiggler by command'],
  },
  { name: 'xdotool that types', fields: { Image: '/usr/bin/xdotool', CommandLine: 'xdotool type x' }, is: [] },
  {
    name: 'PowerShell that presses a key',
    fields: {
      ...windows,
      Image: 'C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe',
      CommandLine: `powershell -c "while(1){$w.SendKeys('{F15}');sleep 60}"`,
    },
    is: ['scripted-jiggler by command'],
  },
  {
    name: 'a screen kept on',
    fields: { product: 'macos', Image: '/usr/bin/caffeinate', CommandLine: 'caffeinate -d' },
    is: ['caffeinate by command'],
  },
  {
    name: 'N14: a build that must not be put to sleep',
    fields: { product: 'macos', Image: '/usr/bin/caffeinate', CommandLine: 'caffeinate -i make all' },
    is: [],
  },
  {
    name: 'code out of a font',
    fields: { Image: '/usr/bin/node', CommandLine: 'node public/fonts/fa-solid-400.woff2' },
    is: ['font-as-script by command'],
  },
  { name: 'a script that makes fonts', fields: { Image: '/usr/bin/node', CommandLine: 'node x.js a.woff2' }, is: [] },
  {
    name: 'a bucket is copied to',
    fields: { Image: '/usr/local/bin/aws', CommandLine: 'aws s3 sync . s3://b' },
    is: ['object-storage-copy by command'],
  },
  {
    name: 'another service of the same',
    fields: { Image: '/usr/bin/aws', CommandLine: 'aws sts get-caller-identity' },
    is: [],
  },
  {
    name: 'a session of ScreenConnect without anybody present',
    fields: {
      Image: '/usr/bin/java',
      CommandLine: 'java -cp a.jar com.screenconnect.client.Program ?e=Access&y=Guest',
    },
    is: ['screenconnect by command unattended'],
  },
  {
    name: 'a name in quotes',
    fields: { ...windows, Image: 'C:\\AnyDesk.exe', CommandLine: '"C:\\AnyDesk.exe" "--set-password"' },
    is: ['anydesk by name unattended'],
  },
  {
    name: 'a command in one word',
    fields: { Image: '/bin/sh', CommandLine: 'sh -c "/usr/bin/rustdesk --server"' },
    is: ['rustdesk by path'],
  },
  {
    name: 'settings before the command',
    fields: { Image: '/usr/bin/env', CommandLine: 'env DISPLAY=:0 X=1 /usr/bin/anydesk' },
    is: ['anydesk by path'],
  },
])

table('projects: scripts that are a tool', [
  {
    name: 'by the script',
    fields: { Image: '/usr/bin/python3', CommandLine: 'python3 facefusion.py run' },
    is: ['facefusion by path'],
  },
  {
    name: 'by the folder of the script',
    fields: { Image: '/usr/bin/python3', CommandLine: 'python3 /home/a/Deep-Live-Cam/run.py' },
    is: ['deep-live-cam by path'],
  },
  {
    name: 'by the folder it was started in',
    fields: { Image: '/usr/bin/python3', CommandLine: 'python3 run.py', CurrentDirectory: '/home/a/src/DeepFaceLive' },
    is: ['deepfacelive by path'],
  },
  {
    name: 'an editor in that folder',
    fields: { Image: '/usr/bin/vim', CommandLine: 'vim run.py', CurrentDirectory: '/home/a/src/DeepFaceLive' },
    is: [],
  },
  { name: 'another script', fields: { Image: '/usr/bin/python3', CommandLine: 'python3 run.py' }, is: [] },
  {
    name: 'a jiggler',
    fields: { Image: '/usr/bin/python3', CommandLine: 'python3 jiggler.py' },
    is: ['scripted-jiggler by path'],
  },
])

table('what is inside a binary', [
  {
    name: 'a product',
    fields: { ...windows, Image: 'C:\\x\\svc.exe', Product: 'RustDesk' },
    is: ['rustdesk by name renamed'],
  },
  {
    name: 'a part that we do not list keeps the name it was built with',
    fields: {
      ...windows,
      Image: 'C:\\x\\adhelper.exe',
      OriginalFileName: 'ADHelper.exe',
      Signer: 'CN=AnyDesk Software GmbH, O=AnyDesk Software GmbH',
    },
    is: ['anydesk by signer'],
  },
  ...['AnyDesk-8.0.14.exe', 'anydesk_portable.exe', 'Copy of AnyDesk.exe', 'ANYDESK64.EXE'].map((file) => ({
    name: `a copy that bears its name: ${file}`,
    fields: {
      ...windows,
      Image: `C:\\x\\${file}`,
      OriginalFileName: 'AnyDesk.exe',
      Signer: 'CN=AnyDesk Software GmbH',
    },
    is: ['anydesk by signer'],
  })),
  ...['svchost.exe', 'OneDriveUpdater.exe', 'ad.exe', 'winupd (1).exe'].map((file) => ({
    name: `under another name: ${file}`,
    fields: {
      ...windows,
      Image: `C:\\x\\${file}`,
      OriginalFileName: 'AnyDesk.exe',
      Signer: 'CN=AnyDesk Software GmbH',
    },
    is: ['anydesk by signer renamed'],
  })),
  {
    name: "one tool under another tool's name",
    fields: { ...windows, Image: 'C:\\x\\rclone.exe', OriginalFileName: 'TeamViewer.exe' },
    is: ['rclone by name', 'teamviewer by name renamed'],
  },
])

table('weak names', [
  { name: 'alone', fields: { ...windows, Image: 'C:\\x\\RCService.exe' }, is: [] },
  {
    name: "in a folder of the tool's name",
    fields: { ...windows, Image: 'D:\\Tools\\AnyViewer\\RCService.exe' },
    is: ['anyviewer by path'],
  },
  {
    name: 'of the product',
    fields: { ...windows, Image: 'C:\\x\\RCService.exe', Product: 'AnyViewer' },
    is: ['anyviewer by name'],
  },
  {
    name: 'begun by the tool',
    fields: { ...windows, Image: 'C:\\x\\RCClient.exe', ParentImage: 'C:\\y\\AnyViewer.exe' },
    is: ['anyviewer by path'],
  },
  {
    name: 'begun by something else',
    fields: { ...windows, Image: 'C:\\x\\RCClient.exe', ParentImage: 'C:\\Windows\\explorer.exe' },
    is: [],
  },
  {
    name: "on the tool's port",
    category: 'listening_socket',
    fields: { Image: '/opt/x/openweb', Port: 3_213 },
    is: ['astrill by port'],
  },
  { name: 'on another port', category: 'listening_socket', fields: { Image: '/opt/x/openweb', Port: 8_080 }, is: [] },
])

table('ports', [
  {
    name: 'IP Messenger',
    category: 'listening_socket',
    fields: { Protocol: 'udp', Port: 2_425 },
    is: ['ip-messenger by port'],
  },
  {
    name: 'held by an unknown program',
    category: 'listening_socket',
    fields: { Image: '/tmp/update', Port: 21_118 },
    is: ['rustdesk by port renamed'],
  },
  { name: 'held by node', category: 'listening_socket', fields: { Image: '/usr/bin/node', Port: 21_118 }, is: [] },
  {
    name: 'dialled by a browser',
    category: 'network_connection',
    fields: { Image: '/usr/lib/firefox/firefox', DestinationPort: 21_116 },
    is: [],
  },
])

table('hosts and addresses', [
  {
    name: 'a campaign, by address',
    category: 'network_connection',
    fields: { DestinationIp: '166.88.54.158', Image: '/usr/bin/node' },
    is: ['polinrider by address'],
  },
  {
    name: 'a campaign, by bytes',
    category: 'egress',
    fields: { DestinationIp: '166.88.54.158' },
    is: ['polinrider by address'],
  },
  {
    name: 'a block chain asked by node',
    category: 'network_connection',
    fields: { DestinationHostname: 'api.trongrid.io', Image: '/usr/bin/node' },
    is: ['chain-rpc-from-code by domain'],
  },
  {
    name: 'N25: asked by a wallet',
    category: 'network_connection',
    fields: { DestinationHostname: 'api.trongrid.io', Image: '/opt/TronLink/tronlink' },
    is: [],
  },
  {
    name: 'a file drop that a browser visits',
    category: 'network_connection',
    fields: { DestinationHostname: 'www.wetransfer.com', Image: '/usr/lib/firefox/firefox' },
    is: ['wetransfer by domain'],
  },
  ...[
    ['a release from GitHub', 'objects.githubusercontent.com'],
    ["Zoho's own files", 'static.zohocdn.com'],
    ["somebody's site behind ngrok", 'abcd.ngrok-free.app'],
    ["somebody's site behind cloudflared", 'abcd.trycloudflare.com'],
    ['a help desk', 'acme.freshworks.com'],
    ['the pay office', 'app.remotepass.com'],
    ['a STUN server', 'stunserver.stunprotocol.org'],
  ].map(([name, host]) => ({
    name: name!,
    category: 'network_connection',
    fields: { DestinationHostname: host!, Image: '/usr/bin/curl' },
    is: [],
  })),
])

table('what is installed', [
  {
    name: 'a browser extension',
    category: 'software',
    fields: { Name: 'pbanhockgagggenencehbnadejlgchfc', Kind: 'browser_extension' },
    is: ['simplify-copilot by package'],
  },
  {
    name: 'by its identifier',
    category: 'software',
    fields: { Name: 'MetaMask', Kind: 'browser_extension', Identifier: 'nkbihfbeogaeaoehlefnkodbefgpgknn' },
    is: ['wallet-metamask by package'],
  },
  {
    name: 'a harmless extension',
    category: 'software',
    fields: { Name: 'nngceckbapebfimnlniiiahkandclblb', Kind: 'browser_extension' },
    is: [],
  },
  {
    name: 'a snap',
    category: 'software',
    fields: { Name: 'zoom-client', Identifier: 'zoom-client:snap' },
    is: ['zoom by package'],
  },
  {
    name: 'a desktop entry',
    category: 'software',
    fields: { Name: 'Fernwartung', Kind: 'application', Identifier: 'com.anydesk.AnyDesk.desktop' },
    is: ['anydesk by package'],
  },
  {
    name: 'settings in a home',
    category: 'file_event',
    fields: { TargetFilename: '/home/a/.config/rustdesk/RustDesk2.toml' },
    is: ['rustdesk by path'],
  },
  {
    name: "a program out of anybody's home",
    fields: { ...windows, Image: 'C:\\Users\\Bob\\AppData\\Local\\rustdesk\\x.exe' },
    is: ['rustdesk by path'],
  },
  { name: 'the same folder elsewhere', fields: { ...windows, Image: 'C:\\AppData\\Local\\rustdesk\\x.exe' }, is: [] },
  {
    name: 'a shortcut in an autostart folder',
    category: 'file_event',
    fields: { ...windows, TargetFilename: 'C:\\Users\\a\\Start Menu\\Programs\\Startup\\TeamViewer.lnk' },
    is: ['teamviewer by service'],
  },
  {
    name: "the tool's own log",
    category: 'remote_session',
    fields: { Tool: 'Chrome Remote Desktop' },
    is: ['chrome-remote-desktop by name'],
  },
])

table('tunnels', [
  ...(
    [
      ['tailscale0', 'tailscale'],
      ['nordlynx', 'nordvpn'],
      ['wg0-mullvad', 'mullvad-vpn'],
      ['CloudflareWARP', 'cloudflare-warp'],
      ['wt0', 'netbird'],
      ['ztabcdef12', 'zerotier'],
      ['proton0', 'proton-vpn'],
    ] as const
  ).map(([TunnelInterface, id]) => ({
    name: TunnelInterface,
    category: 'network_place',
    fields: { TunnelInterface },
    is: [`${id} by interface`],
  })),
])

describe('recognise, again and again', () => {
  it('has the same result whatever came before, and for many unknown programs', () => {
    const seen = { Image: '/opt/teamviewer/x', CommandLine: 'x' }
    const first = ids('process_creation', seen)
    for (let at = 0; at < 10_000; at++) ids('process_creation', { Image: `/opt/x${at}/\u00e9${at}` })
    assert.deepEqual(ids('process_creation', seen), first)
    assert.equal(first.length, 1)
    assert.ok(catalogue.toolIndex.places.size <= 4_096)
  })
})
