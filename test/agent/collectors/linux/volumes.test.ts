import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { isVirtualMedia, kindOf, parseMounts, volumes } from '../../../../agent/collectors/linux/volumes.ts'
import { realHost } from '../../../../agent/host/host.ts'
import type { Observation } from '../../../../wire/event.ts'
import { fakeHost, link, onTheWire, policy, put, watchPolls } from '../../fake-host.ts'
import { needsLinux } from '../../needs-linux.ts'

const ROOT = '27 1 254:0 / / rw,relatime - ext4 /dev/vda rw'
const mount = (rest: string) => `${ROOT}\n36 27 ${rest}\n`

describe('volumes', () => {
  const lines: [name: string, line: string, kind: string | null][] = [
    ['a partition', '8:1 / /mnt/a rw shared:1 master:2 - ext4 /dev/sda1 rw', 'disk'],
    ['a loop', '7:0 / /mnt/a rw - vfat /dev/loop0 rw', 'loop'],
    ['a snap', '7:1 / /snap/core/1 ro - squashfs /dev/loop1 ro', null],
    ['a share', '0:60 / /mnt/a rw - nfs4 host:/export rw', 'network'],
    ['sshfs', '0:61 / /mnt/a rw - fuse.sshfs me@host: rw', 'network'],
    ['a vault', '0:62 / /mnt/a rw - fuse.gocryptfs vault rw', 'fuse'],
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

  it('reads blanks in names, the table of a real machine, and counts what it cannot read', () => {
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

  it('describes a stick when it is mounted, once', async () => {
    const stick = '/sys/devices/pci0000:00/0000:00:14.0/usb2/2-1/2-1:1.0/host6/target6:0:0/6:0:0:0/block/sdb'
    const host = fakeHost({
      '/proc/self/mountinfo': `${ROOT}\n`,
      '/sys/dev/block/8:17': link(
        '../../devices/pci0000:00/0000:00:14.0/usb2/2-1/2-1:1.0/host6/target6:0:0/6:0:0:0/block/sdb/sdb1',
      ),
      '/sys/class/block/sdb1': link(`${stick}/sdb1`),
      [`${stick}/sdb1/size`]: '61440000\n',
      '/sys/block/sdb': link(stick),
      [`${stick}/removable`]: '0\n',
      [`${stick}/device/vendor`]: 'JetKVM  \n',
      [`${stick}/device/model`]: 'Virtual Media   \n',
      '/dev/disk/by-label/MY\\x20STICK': link('../../sdb1'),
      '/dev/disk/by-uuid/1A2B-3C4D': link('../../sdb1'),
    })
    const line = '8:17 / /media/ann/MY\\040STICK rw - vfat /dev/sdb1 rw'
    const [first, second, again] = await watchPolls(volumes, host, [
      () => put(host.tree, '/proc/self/mountinfo', mount(line)),
      () => put(host.tree, '/proc/self/mountinfo', `${mount(line)}37 27 ${line.replace('/media', '/srv')}\n`),
    ])
    assert.deepEqual(
      first!.map((it) => it.category === 'volume_mounted' && [it.VolumeKind, it.Label, it.SizeBytes, it.Removable]),
      [['disk', null, null, null]],
    )
    const { time: _, ...found } = second![0]!
    assert.deepEqual(found, {
      category: 'volume_mounted',
      collector: 'volumes',
      VolumeKind: 'usb',
      Label: 'MY STICK',
      SerialHash: host.hmac('1a2b-3c4d'),
      SizeBytes: 61_440_000 * 512,
      Removable: true,
      VirtualMedia: true,
    })
    assert.deepEqual(again, [])
  })

  it('an encrypted stick is a stick', async () => {
    const stick = '/sys/devices/pci0/usb2/2-1/2-1:1.0/block/sdb'
    const host = fakeHost({
      '/proc/self/mountinfo': '36 27 253:0 / /media/x rw - ext4 /dev/mapper/luks-1 rw\n',
      '/sys/dev/block/253:0': link('../../devices/virtual/block/dm-0'),
      '/sys/class/block/dm-0': link('/sys/devices/virtual/block/dm-0'),
      '/sys/devices/virtual/block/dm-0/size': '2048\n',
      '/sys/devices/virtual/block/dm-0/slaves/sdb1': '',
      '/sys/class/block/sdb1': link(`${stick}/sdb1`),
      [`${stick}/sdb1/size`]: '4096\n',
      '/sys/block/sdb/removable': '1\n',
    })
    const [first] = await watchPolls(volumes, host)
    assert.deepEqual(
      first!.map((it) => it.category === 'volume_mounted' && [it.VolumeKind, it.Removable, it.SizeBytes]),
      [['usb', true, 1_048_576]],
    )
  })

  const media: [says: string, external: boolean, expected: boolean][] = [
    ['PiKVM Optical Drive', false, true],
    ['Linux Optical Drive', true, true],
    ['VMware Virtual disk', false, false],
    ['VMware Virtual disk', true, false],
    ['AMI Virtual CDROM0', true, true],
    ['SanDisk Cruzer Blade', true, false],
    ['HL-DT-ST DVDRAM GP60', true, false],
  ]
  for (const [says, external, expected] of media)
    it(`virtual media: ${says}`, () => assert.equal(isVirtualMedia(says, external), expected))

  it('sees the disk of this machine', async function () {
    needsLinux(this)
    const stop = new AbortController()
    const found: Observation[] = []
    const host = realHost({ hmac: () => '00'.repeat(32), memoryFolder: '/nonexistent' })
    host.sleep = async () => stop.abort()
    for await (const it of volumes.run(host, policy, stop.signal)) found.push(onTheWire(it))
    assert.ok(found.length > 0 || !readFileSync('/proc/self/mountinfo', 'utf8').includes(' /dev/'))
  })
})
