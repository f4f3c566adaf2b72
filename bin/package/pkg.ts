/**
 * .pkg, without Apple's tools.
 *
 * Shape   a xar archive with Bom, Payload and Scripts (gzipped cpio archives) and PackageInfo: a component package, as
 *         pkgbuild makes. It is not signed: Apple's key for that is the company's (productsign), and MDM wants it.
 * Source  xar's own description of its format; cpio's portable ASCII format (POSIX.1-1988, odc); pkgbuild(1), and the
 *         PackageInfo of packages that it made. libarchive 3.6 (bsdtar) and GNU cpio read what it makes; no Mac has
 *         installed it.
 */
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { constants, deflateSync, gzipSync } from 'node:zlib'
import { LAUNCHD_LABEL, LAUNCHD_UPGRADE_LABEL } from '../../agent/install/definitions.ts'
import { placesOf } from '../../agent/install/places.ts'
import { type BomEntry, bom } from './bom.ts'
import { foldersOf, modeOf, sorted, type Tree, textItem } from './tree.ts'

const IDENTIFIER = 'com.tellwire.agent'
const { current, staged, state, settings, launcher, link } = placesOf('macos')
const JOBS = [LAUNCHD_LABEL, LAUNCHD_UPGRADE_LABEL].map((it) => `/Library/LaunchDaemons/${it}.plist`)

/** A newer version waits, and launchd takes it into force: the job for upgrades watches `staged`. */
const afterInstall = (version: string) => `#!/bin/sh
set -e
mkdir -p -m 700 '${state}' '${settings}'
mkdir -p "$(dirname ${link})"
ln -sfn ${launcher} ${link}
if [ ! -f ${current} ]; then
  echo '${version}' >${current}
  launchctl enable system/${LAUNCHD_LABEL}
  for job in ${JOBS.join(' ')}; do
    launchctl bootstrap system "$job" || true
  done
else
  echo '${version}' >${staged}
fi
exit 0
`

export function buildPkg(root: Tree, of: { version: string; system: string; epoch: number; out: string }): string {
  const file = join(of.out, `tellwire-agent-${of.version}-${of.system}.pkg`)
  writeFileSync(file, pkg(root, of))
  return file
}

export function pkg(root: Tree, { version, epoch }: { version: string; epoch: number }): Buffer {
  const scripts: Tree = new Map([['postinstall', textItem(afterInstall(version), true)]])
  const entries = entriesOf(root)
  const bytes = entries.reduce((sum, it) => sum + (it.bytes?.length ?? 0), 0)
  const info = `<?xml version="1.0" encoding="utf-8"?>
<pkg-info overwrite-permissions="false" relocatable="false" identifier="${IDENTIFIER}" postinstall-action="none" version="${version}" format-version="2" install-location="/" auth="root">
    <payload numberOfFiles="${entries.length}" installKBytes="${Math.ceil(bytes / 1_024)}"/>
    <scripts>
        <postinstall file="./postinstall"/>
    </scripts>
</pkg-info>
`
  return xar(
    [
      ['Bom', bom(entries, epoch)],
      ['PackageInfo', Buffer.from(info)],
      ['Payload', gzipped(cpio(entries, epoch))],
      ['Scripts', gzipped(cpio(entriesOf(scripts), epoch))],
    ],
    epoch,
  )
}

function entriesOf(tree: Tree): BomEntry[] {
  const folders = foldersOf(tree).map((it) => ({ path: `./${it}`, mode: 0o040755, bytes: null }))
  const files = sorted(tree).map(([path, item]) => {
    if ('link' in item) throw new Error(`${path} is a link, which the bill of materials has not`)
    return { path: `./${path}`, mode: 0o100000 | modeOf(item), bytes: item.bytes }
  })
  return [{ path: '.', mode: 0o040755, bytes: null }, ...folders, ...files]
}

function gzipped(bytes: Buffer): Buffer {
  const packed = gzipSync(bytes, { level: constants.Z_DEFAULT_COMPRESSION })
  packed[9] = 255 // which system made it
  return packed
}

/** Numbers are octal. Owners are root and wheel: 0. */
function cpio(entries: readonly BomEntry[], epoch: number): Buffer {
  const octal = (value: number, digits: number) => {
    const text = value.toString(8).padStart(digits, '0')
    if (text.length > digits) throw new Error(`${value} does not fit a cpio archive`)
    return text
  }
  const entry = (path: string, inode: number, mode: number, bytes: Buffer, time: number) => {
    const name = Buffer.from(`${path}\0`)
    const links = (mode & 0o040000) !== 0 ? 2 : 1
    const facts = [0, inode, mode, 0, 0, links, 0].map((it) => octal(it, 6)).join('')
    const header = `070707${facts}${octal(time, 11)}${octal(name.length, 6)}${octal(bytes.length, 11)}`
    return Buffer.concat([Buffer.from(header), name, bytes])
  }
  const nothing = Buffer.alloc(0)
  const all = entries.map((it, n) => entry(it.path, n + 1, it.mode, it.bytes ?? nothing, epoch))
  return Buffer.concat([...all, entry('TRAILER!!!', 0, 0, nothing, 0)])
}

const XAR_HEADER = 28
const SHA1 = 1
const SHA1_BYTES = 20

/** The heap begins with the checksum of the table of contents. */
function xar(files: readonly (readonly [name: string, bytes: Buffer])[], epoch: number): Buffer {
  const time = new Date(epoch * 1_000).toISOString().slice(0, 19)
  let at = SHA1_BYTES
  const rows = files.map(([name, bytes], n) => {
    const sum = sha1(bytes).toString('hex')
    const row = `  <file id="${n + 1}">
   <data>
    <length>${bytes.length}</length>
    <offset>${at}</offset>
    <size>${bytes.length}</size>
    <encoding style="application/octet-stream"/>
    <extracted-checksum style="sha1">${sum}</extracted-checksum>
    <archived-checksum style="sha1">${sum}</archived-checksum>
   </data>
   <mtime>${time}Z</mtime>
   <mode>0644</mode>
   <uid>0</uid>
   <gid>0</gid>
   <type>file</type>
   <name>${name}</name>
  </file>
`
    at += bytes.length
    return row
  })
  const toc = Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>
<xar>
 <toc>
  <creation-time>${time}</creation-time>
  <checksum style="sha1">
   <offset>0</offset>
   <size>${SHA1_BYTES}</size>
  </checksum>
${rows.join('')} </toc>
</xar>
`)
  const packed = deflateSync(toc)
  const header = Buffer.alloc(XAR_HEADER)
  header.write('xar!')
  header.writeUInt16BE(XAR_HEADER, 4)
  header.writeUInt16BE(1, 6)
  header.writeBigUInt64BE(BigInt(packed.length), 8)
  header.writeBigUInt64BE(BigInt(toc.length), 16)
  header.writeUInt32BE(SHA1, 24)
  return Buffer.concat([header, packed, sha1(packed), ...files.map(([, bytes]) => bytes)])
}

function sha1(bytes: Buffer): Buffer {
  return createHash('sha1').update(bytes).digest()
}
