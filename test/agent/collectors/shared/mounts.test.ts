import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { countsBlocks, kindOf, parseMounts } from '../../../../agent/collectors/shared/mounts.ts'

const ROOT = '27 1 254:0 / / rw,relatime - ext4 /dev/vda rw'
const mount = (rest: string) => `${ROOT}\n36 27 ${rest}\n`

describe('agent/collectors/shared/mounts', () => {
  const lines: [name: string, line: string, kind: string | null][] = [
    ['a partition', '8:1 / /mnt/a rw shared:1 master:2 - ext4 /dev/sda1 rw', 'disk'],
    ['a loop', '7:0 / /mnt/a rw - vfat /dev/loop0 rw', 'loop'],
    ['a snap', '7:1 / /snap/core/1 ro - squashfs /dev/loop1 ro', null],
    ['a share', '0:60 / /mnt/a rw - nfs4 host:/export rw', 'network'],
    ['sshfs', '0:61 / /mnt/a rw - fuse.sshfs me@host: rw', 'network'],
    ['a vault', '0:62 / /mnt/a rw - fuse.gocryptfs vault rw', 'fuse'],
    ['a phone', '0:62 / /mnt/a rw - fuse jmtpfs rw', 'fuse'],
    ['exFAT through FUSE is a disk', '0:62 / /mnt/a rw - fuse.exfat /dev/sdb1 rw', 'disk'],
    ['NTFS through FUSE is a disk', '8:17 / /mnt/a rw - fuseblk /dev/sdb1 rw', 'disk'],
    ['the desktop', '0:63 / /run/user/1000/gvfs rw - fuse.gvfsd-fuse gvfsd-fuse rw', null],
    ['memory', '0:64 / /tmp rw - tmpfs tmpfs rw', null],
    ['a container', '0:65 / /var/lib/x rw - overlay overlay rw', null],
    ['a CD', '11:0 / /media/cd ro - iso9660 /dev/sr0 ro', 'optical'],
  ]
  for (const [name, line, kind] of lines)
    it(`mount: ${name}`, () => {
      const { found, unparsed } = parseMounts(`36 27 ${line}\n`)
      assert.equal(unparsed, 0)
      assert.equal(kindOf(found[0]!), kind)
    })

  it('knows where a file with holes can be told from a full one', () => {
    const { found } = parseMounts(
      [
        '27 1 254:0 / / rw - ext4 /dev/vda rw',
        '28 27 0:61 / /mnt/far rw - fuse.sshfs me@host: rw',
        '29 27 8:1 / /media/ann/S rw - vfat /dev/sda1 rw',
        '30 27 0:62 / /media/ann/S rw - fuse.gocryptfs vault rw',
      ].join('\n'),
    )
    const places = ['/home/ann/Dropbox', '/mnt/far/x', '/mnt/farther', '/media/ann/S']
    assert.deepEqual(
      places.map((it) => countsBlocks(it, found)),
      [true, false, true, false],
    )
    assert.equal(countsBlocks('/home', []), false)
  })

  it('reads blanks in names and the table of a real machine, and counts invalid lines', () => {
    const { found, unparsed } = parseMounts(
      `${mount('8:17 / /media/ann/MY\\040STICK\\134 rw - vfat /dev/sdb1 rw')}rubbish\n`,
    )
    assert.equal(found[1]!.at, '/media/ann/MY STICK\\')
    assert.equal(unparsed, 1)
    const real = parseMounts(readFileSync('test/agent/fixtures/proc-self-mountinfo', 'utf8'))
    assert.equal(real.unparsed, 0)
    assert.deepEqual(
      real.found.filter((it) => kindOf(it) !== null).map((it) => it.source),
      ['/dev/vda'],
    )
  })
})
