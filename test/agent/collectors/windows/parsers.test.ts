/** The pure parts of Windows' collectors, on recorded and on ugly data. What Wine shows is in test/real/windows.test.ts. */
import assert from 'node:assert/strict'
import { archiveCommand } from '../../../../agent/collectors/shared/archive-command.ts'
import { parseTask } from '../../../../agent/collectors/windows/autostarts.ts'
import { commandArguments } from '../../../../agent/collectors/windows/kit/command-arguments.ts'
import { isRemovable } from '../../../../agent/collectors/windows/kit/drives.ts'
import { slashes } from '../../../../agent/collectors/windows/kit/hives.ts'
import { unixLike } from '../../../../agent/collectors/windows/kit/unix-like.ts'
import { tunnelKind } from '../../../../agent/collectors/windows/network-places.ts'
import { parseService, parseUninstall } from '../../../../agent/collectors/windows/software.ts'
import { kindOf } from '../../../../agent/collectors/windows/volumes.ts'
import type { AdapterRow, RegistryValue, VolumeRow } from '../../../../agent/host/windows/calls.ts'

const values = (of: Record<string, string | number>) =>
  new Map<string, RegistryValue>(
    Object.entries(of).map(([name, it]) => [
      name,
      typeof it === 'number'
        ? { text: null, number: it, data: Buffer.alloc(4) }
        : { text: it, number: null, data: Buffer.alloc(0) },
    ]),
  )

describe('agent/collectors/windows, parsers', () => {
  const lines: [name: string, line: string, found: string[]][] = [
    ['nothing', '  ', []],
    [
      'quoted program',
      '"C:\\Program Files\\7-Zip\\7z.exe" a out.7z',
      ['C:\\Program Files\\7-Zip\\7z.exe', 'a', 'out.7z'],
    ],
    ['an empty argument', 'a "" b', ['a', '', 'b']],
    ['backslashes before a mark', 'a "b\\\\" c\\"d', ['a', 'b\\', 'c"d']],
    ['two marks are one', '"a""b" c', ['a"b', 'c']],
    ['a mark that nothing ends', '"a b', ['a b']],
    ['backslashes alone', 'C:\\\\x\\', ['C:\\\\x\\']],
  ]
  for (const [name, line, found] of lines)
    it(`arguments: ${name}`, () => assert.deepEqual(commandArguments(line), found))

  const archives: [line: string, path: string | null, encrypted?: boolean][] = [
    ['"C:\\Program Files\\7-Zip\\7z.exe" a -pX C:\\Users\\ann\\out.7z src', 'C:/Users/ann/out.7z', true],
    ['"C:\\Program Files\\7-Zip\\7zG.exe" a -i#7zMap1!2! -t7z -- "D:\\out.7z"', 'D:/out.7z', false],
    ['"C:\\Program Files\\WinRAR\\WinRAR.exe" a -hpX D:\\out.rar x', 'D:/out.rar', true],
    ['C:\\Windows\\System32\\tar.exe -cf E:\\out.tar x', 'E:/out.tar', false],
    ['tar.exe -cf out.tar x', null],
    ['7z.exe x C:\\out.7z', null],
  ]
  for (const [line, path, encrypted = false] of archives)
    it(`archives: ${line}`, () =>
      assert.deepEqual(archiveCommand(unixLike(commandArguments(line)), null), path && { path, encrypted }))

  const uninstall: [name: string, of: Record<string, string | number>, found: string | null][] = [
    ['a program', { DisplayName: 'AnyDesk', DisplayVersion: '7', InstallDate: '20261103' }, 'AnyDesk 7 1793707200000'],
    ['no name', { DisplayVersion: '7' }, null],
    ["Windows' own part", { DisplayName: 'x', SystemComponent: 1 }, null],
    ['a patch of another', { DisplayName: 'x', ParentKeyName: 'Office' }, null],
    ['a date that is none', { DisplayName: 'x', InstallDate: '3/11/2026' }, 'x null null'],
  ]
  for (const [name, of, found] of uninstall)
    it(`uninstall key: ${name}`, () => {
      const item = parseUninstall('{K}', values(of))
      assert.equal(item && `${item.Name} ${item.Version} ${item.InstalledAt}`, found)
    })

  it('a service, one whose name is in a resource, and a driver', () => {
    assert.equal(
      parseService('AnyDesk', values({ Type: 0x10, DisplayName: 'AnyDesk Service' }))?.Name,
      'AnyDesk Service',
    )
    assert.equal(parseService('Spooler', values({ Type: 0x110, DisplayName: '@spoolsv.exe,-1' }))?.Name, 'Spooler')
    assert.equal(parseService('ndis', values({ Type: 1 })), null)
  })

  const task = (user: string, exec: string) =>
    Buffer.from(
      `\ufeff<Task><Principals><UserId>${user}</UserId></Principals><Actions>${exec}</Actions></Task>`,
      'utf16le',
    )
  const run = '<Exec><Command>C:\\a &amp; b.exe</Command><Arguments>--x &quot;y&quot;</Arguments></Exec>'
  it('a scheduled task of the system, of a user, and none', () => {
    assert.deepEqual(parseTask(task('S-1-5-18', run)), { commands: 'C:\\a & b.exe --x "y"', isSystem: true })
    assert.deepEqual(parseTask(task('S-1-5-21-1-2-3-1001', run + run)).commands?.split('; ').length, 2)
    assert.deepEqual(parseTask(Buffer.from('no XML')), { commands: null, isSystem: false })
  })

  const volume = (of: Partial<VolumeRow>): VolumeRow => ({
    ...{ drive: 'E:', kind: 'fixed', label: null, serial: 1, bytes: 1, bus: null, vendor: null, product: null },
    ...of,
  })
  it('drives: an external disk is fixed, and is on USB', () => {
    assert.deepEqual([kindOf(volume({ bus: 7 })), isRemovable(volume({ bus: 7 }))], ['usb', true])
    assert.deepEqual([kindOf(volume({ bus: 17 })), isRemovable(volume({ bus: 17 }))], ['disk', false])
    assert.deepEqual([kindOf(volume({ kind: 'remote' })), kindOf(volume({ bus: 15 }))], ['network', 'virtual'])
  })

  const adapter = (description: string, type = 6): AdapterRow => ({
    ...{ index: 1, index6: 1, name: '{}', friendlyName: 'Ethernet 2', isUp: true, mtu: 1_420, metric: 5, dns: [] },
    description,
    type,
  })
  const tunnels: [string, number, string | null][] = [
    ['WireGuard Tunnel #1', 53, 'wireguard'],
    ['Tailscale Tunnel', 53, 'tailscale'],
    ['TAP-Windows Adapter V9', 6, 'tap'],
    ['WAN Miniport (IKEv2)', 23, 'ppp'],
    ['Intel(R) Wi-Fi 6 AX201', 71, null],
  ]
  for (const [description, type, kind] of tunnels)
    it(`adapter: ${description}`, () => assert.equal(tunnelKind(adapter(description, type)), kind))

  it('paths have slashes', () => assert.equal(slashes('C:\\Users\\ann\\'), 'C:/Users/ann'))
})
