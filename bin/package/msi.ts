/**
 * .msi, by wixl of msitools. It has run under Wine only, never on Windows.
 *
 *   msiexec /i tellwire-agent.msi /qn ENROLLMENT=tw1.… RING=canary CA=C:\ca.crt
 *   msiexec /x tellwire-agent.msi /qn UNINSTALL=twu1.…
 *
 * Shape   the files of a version, a service, and actions as SYSTEM: what the installer was given, and which version is
 *         in force, is written before the service starts, because Windows Installer does not replace a file that
 *         changed since it was installed, and keeps the program of a service that is already there; a removal says goodbye first, and when it is done removes everything that the agent wrote.
 *         A newer .msi removes this one first, which keeps its version beside: that goes back to itself when the server
 *         acknowledges nothing of the new one, whether the new one runs at all or not.
 *         Ids follow from paths, so that the same input makes the same database.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SERVICE, windowsLauncher, windowsServiceArguments } from '../../agent/install/definitions.ts'
import { sorted, type Tree, textItem, writeTree } from './tree.ts'

/**
 * By the system's own program, because ours is removed by then: state, settings, and versions that upgrades left. It is
 * the last action but those that nothing can go wrong in; wixl has none for after the commit.
 */
const FORGET = `/c rmdir /s /q "[CommonAppDataFolder]Tellwire" & rmdir /s /q "[ProgramFiles64Folder]Tellwire"`

/** The same for all versions: by it, a newer .msi replaces an older one. */
const UPGRADE_CODE = '6B8C0A1E-3D52-4B43-9E0F-7C1D2A8E5F90'

export function buildMsi(program: Tree, of: { version: string; epoch: number; work: string; out: string }): string {
  const { version, epoch, work, out } = of
  const tree: Tree = new Map()
  for (const [path, item] of program) tree.set(`versions/${version}/${path}`, item)
  tree.set('bin/tellwire.cmd', textItem(windowsLauncher()))
  const folder = join(work, 'msi')
  writeTree(tree, folder, epoch)
  const wxs = join(work, 'agent.wxs')
  writeFileSync(wxs, source(tree, version))
  const file = join(out, `tellwire-agent-${version}-x64.msi`)
  // wixl writes names in the order of their addresses in memory: without randomisation, that is always the same.
  execFileSync('setarch', ['--addr-no-randomize', 'wixl', '-a', 'x64', '-o', file, wxs], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, SOURCE_DATE_EPOCH: String(epoch), TZ: 'UTC' },
  })
  writeFileSync(file, fixedSummary(readFileSync(file), epoch, guid(`package ${version} ${contentHash(tree)}`)))
  return file
}

function source(tree: Tree, version: string): string {
  const node = `versions/${version}/node.exe`
  const at = `[#${id(`versions/${version}/agent.mjs`)}]`
  const args = windowsServiceArguments(`[INSTALLDIR]versions\\${version}`)
  const action = (name: string, command: string, check: boolean) =>
    `<CustomAction Id="${name}" FileKey="${id(node)}" ExeCommand="${escaped(`"${at}" ${command}`)}" ` +
    `Execute="deferred" Impersonate="no" HideTarget="yes" Return="${check ? 'check' : 'ignore'}"/>`
  return `<?xml version="1.0" encoding="utf-8"?>
<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi">
<Product Id="${guid(`product ${version}`)}" Name="Tellwire agent" Language="1033" Version="${version}" Manufacturer="Tellwire" UpgradeCode="${UPGRADE_CODE}">
<Package InstallerVersion="500" Compressed="yes" InstallScope="perMachine" Platform="x64"/>
<Media Id="1" Cabinet="agent.cab" EmbedCab="yes"/>
<MajorUpgrade DowngradeErrorMessage="A newer version is installed."/>
<Property Id="ENROLLMENT" Secure="yes" Hidden="yes"/>
<Property Id="UNINSTALL" Secure="yes" Hidden="yes"/>
<Property Id="RING" Secure="yes"/>
<Property Id="CA" Secure="yes"/>
<Directory Id="TARGETDIR" Name="SourceDir"><Directory Id="ProgramFiles64Folder"><Directory Id="INSTALLDIR" Name="Tellwire">
${directories(tree, '', node, args)}
</Directory></Directory></Directory>
<Feature Id="All" Level="1">
${sorted(tree)
  .map(([path]) => `<ComponentRef Id="C${id(path)}"/>`)
  .join('\n')}
</Feature>
${action('Settings', 'agent install --settings-only --token "[ENROLLMENT]" --ring "[RING]" --ca "[CA]"', true)}
${action('Goodbye', 'agent uninstall --packaged --token "[UNINSTALL]"', true)}
${action('Keep', 'agent upgrade --keep', false)}
<CustomAction Id="FindCommand" Property="COMMAND" Value="[System64Folder]cmd.exe"/>
<CustomAction Id="Forget" Property="COMMAND" ExeCommand="${escaped(FORGET)}" Execute="deferred" Impersonate="no" Return="ignore"/>
<InstallExecuteSequence>
<Custom Action="Settings" After="InstallServices">NOT REMOVE</Custom>
<Custom Action="Goodbye" Before="StopServices">REMOVE="ALL" AND NOT UPGRADINGPRODUCTCODE</Custom>
<Custom Action="Keep" Before="StopServices">REMOVE="ALL" AND UPGRADINGPRODUCTCODE</Custom>
<Custom Action="FindCommand" Before="Forget">REMOVE="ALL" AND NOT UPGRADINGPRODUCTCODE</Custom>
<Custom Action="Forget" Before="InstallFinalize">REMOVE="ALL" AND NOT UPGRADINGPRODUCTCODE</Custom>
</InstallExecuteSequence>
</Product>
</Wix>
`
}

function directories(tree: Tree, at: string, node: string, args: string): string {
  const here = new Map<string, string[]>()
  for (const [path] of sorted(tree)) {
    if (!path.startsWith(at)) continue
    const [first, ...more] = path.slice(at.length).split('/')
    const folder = more.length > 0 ? `${first}/` : ''
    here.set(folder, [...(here.get(folder) ?? []), path])
  }
  return [...here]
    .map(([folder, paths]) =>
      folder === ''
        ? paths.map((path) => component(path, path === node ? service(args) : '')).join('\n')
        : `<Directory Id="D${id(`${at}${folder}`)}" Name="${folder.slice(0, -1)}">\n${directories(tree, `${at}${folder}`, node, args)}\n</Directory>`,
    )
    .join('\n')
}

function component(path: string, more: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1)
  return `<Component Id="C${id(path)}" Guid="${guid(`component ${path}`)}" Win64="yes"><File Id="${id(path)}" Name="${name}" Source="${path}" KeyPath="yes"/>${more}</Component>`
}

function service(args: string): string {
  return (
    `<ServiceInstall Id="Service" Name="${SERVICE}" DisplayName="Tellwire agent" Type="ownProcess" Start="auto" ErrorControl="normal" Arguments="${escaped(args)}"/>` +
    `<ServiceControl Id="Control" Name="${SERVICE}" Start="install" Stop="both" Remove="uninstall" Wait="yes"/>`
  )
}

function contentHash(tree: Tree): string {
  const hash = createHash('sha256')
  for (const [path, item] of sorted(tree)) hash.update(path).update('bytes' in item ? item.bytes : item.link)
  return hash.digest('hex')
}

const digest = (text: string) => createHash('sha256').update(`tellwire msi ${text}`).digest('hex')

/** Identifiers of a database begin with a letter and have 72 characters at most. */
function id(path: string): string {
  return `F${digest(path).slice(0, 24)}`
}

function guid(text: string): string {
  return digest(text)
    .toUpperCase()
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5')
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;')
}

/**
 * wixl writes the time of the build and a random package code into the summary. This replaces both.
 *
 * Source  [MS-OLEPS] 2.15, 2.21: a FILETIME has type 0x40 and counts 100 ns since 1601. Windows Installer, "Summary
 *         Information Stream Property Set": the package code follows the template, which is 'x64;1033'.
 */
function fixedSummary(bytes: Buffer, epoch: number, packageCode: string): Buffer {
  const ticks = (seconds: number) => (BigInt(seconds) + 11_644_473_600n) * 10_000_000n
  const [now, twoDays] = [ticks(Math.floor(Date.now() / 1_000)), 2n * 86_400n * 10_000_000n]
  const template = bytes.lastIndexOf('x64;1033')
  const code = bytes.indexOf('{', template)
  if (template < 0 || code - template > 64) throw new Error('the summary of the .msi is not where it was expected')
  bytes.write(`{${packageCode}}`, code, 'latin1')
  // A time within two days of now, in the summary's section, is the time of the build.
  for (let at = Math.max(0, template - 1_024) & ~3; at < Math.min(template + 1_024, bytes.length - 12); at += 4) {
    if (bytes.readUInt32LE(at) !== 0x40) continue
    const time = bytes.readBigUInt64LE(at + 4)
    if (time > now - twoDays && time < now + twoDays) bytes.writeBigUInt64LE(ticks(epoch), at + 4)
  }
  return bytes
}
