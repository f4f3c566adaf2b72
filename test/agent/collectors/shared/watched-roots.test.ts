import assert from 'node:assert/strict'
import { findRoots } from '../../../../agent/collectors/shared/watched-roots.ts'
import { fakeHost, link, policy } from '../../fake-host.ts'

const EMPTY = '27 1 254:0 / / rw - ext4 /dev/vda rw\n'

describe('agent/collectors/shared/watched-roots', () => {
  it('finds the roots: policy, sync clients, autostart, removable and shared mounts', async () => {
    const host = fakeHost({
      '/data/Dropbox/x': '',
      '/home/ann/Dropbox': link('/data/Dropbox'),
      '/home/ann/OneDrive - Acme/x': '',
      '/home/ann/Documents/x': '',
      '/home/ann/.config/autostart/x': '',
      '/home/ann/Box': 'a file',
      '/srv/staging/x': '',
      '/media/ann/MY STICK/x': '',
      '/mnt/share/x': '',
      '/mnt/inner/x': '',
      '/sys/class/block/sda3': link('/sys/devices/pci0/ata1/block/sda/sda3'),
      '/sys/block/sda/removable': '0\n',
      '/data/x': '',
    })
    const mounts = `${EMPTY}1 27 7:0 / /media/ann/MY\\040STICK rw - vfat /dev/loop0 rw\n2 27 0:60 / /mnt/share rw - nfs4 h:/e rw\n3 27 8:18 / /data rw - ext4 /dev/sda2 rw\n4 27 8:19 / /mnt/inner rw - ext4 /dev/sda3 rw\n`
    const asked = {
      ...policy,
      watchedRoots: [
        { path: '~/Documents', kind: 'source' as const },
        { path: '/srv/staging/', kind: 'staging' as const },
        { path: '/', kind: 'source' as const },
      ],
    }
    assert.deepEqual(await findRoots(host, asked, ['/home/ann', '/root'], mounts), [
      { path: '/home/ann/Documents', kind: 'source', mounted: false },
      { path: '/srv/staging', kind: 'staging', mounted: false },
      { path: '/home/ann/.config/autostart', kind: 'autostart', mounted: false },
      { path: '/data/Dropbox', kind: 'sync', mounted: false },
      { path: '/home/ann/OneDrive - Acme', kind: 'sync', mounted: false },
      { path: '/media/ann/MY STICK', kind: 'removable', mounted: true },
      { path: '/mnt/share', kind: 'share', mounted: true },
    ])
  })
})
