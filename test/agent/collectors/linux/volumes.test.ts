import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { volumes } from '../../../../agent/collectors/linux/volumes.ts'
import { isVirtualMedia } from '../../../../agent/collectors/shared/virtual-media.ts'
import { linux } from '../../../../agent/host/linux.ts'
import type { Observation } from '../../../../wire/event.ts'
import { checked, fakeHost, link, policy, put, watchPolls } from '../../fake-host.ts'
import { needsLinux } from '../../needs-linux.ts'

const ROOT = '27 1 254:0 / / rw,relatime - ext4 /dev/vda rw'
const mount = (rest: string) => `${ROOT}\n36 27 ${rest}\n`

describe('agent/collectors/linux/volumes', () => {
  it('reports a USB stick once when it is mounted', async () => {
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

  it('reports many at once over several polls, each once', async () => {
    const lines = Array.from({ length: 600 }, (_, n) => `${n} 27 8:${n} / /mnt/${n} rw - ext4 /dev/sd${n} rw\n`)
    const host = fakeHost({ '/proc/self/mountinfo': lines.join('') })
    const polls = await watchPolls(volumes, host, [() => {}, () => {}])
    assert.deepEqual(
      polls.map((it) => it.length),
      [512, 88, 0],
    )
  })

  it('reports an encrypted USB stick like any other', async () => {
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

  const media: [model: string, external: boolean, expected: boolean][] = [
    ['PiKVM Optical Drive', false, true],
    ['Linux Optical Drive', true, true],
    ['VMware Virtual disk', false, false],
    ['VMware Virtual disk', true, false],
    ['AMI Virtual CDROM0', true, true],
    ['SanDisk Cruzer Blade', true, false],
    ['HL-DT-ST DVDRAM GP60', true, false],
  ]
  for (const [model, external, expected] of media)
    it(`virtual media: ${model}`, () => assert.equal(isVirtualMedia(model, external), expected))

  it('reports the disk of this machine', async function () {
    needsLinux(this)
    const stop = new AbortController()
    const found: Observation[] = []
    const host = linux.host({ hmac: () => '00'.repeat(32), stateFolder: '/nonexistent' })
    host.sleep = async () => stop.abort()
    for await (const it of volumes.run(host, policy, stop.signal)) found.push(checked(it))
    assert.ok(found.length > 0 || !readFileSync('/proc/self/mountinfo', 'utf8').includes(' /dev/'))
  })
})
