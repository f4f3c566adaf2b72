/** The declarations of macOS' calls, on any system: koffi reads them, and where there is no such library, that is said. */
import assert from 'node:assert/strict'
import { koffi } from '../../../../agent/host/koffi.ts'
import { CallError } from '../../../../agent/host/macos/calls.ts'
import { SIGNATURES } from '../../../../agent/host/macos/library.ts'
import { macCalls } from '../../../../agent/host/macos/open.ts'
import { SYSTEMS } from '../../../../agent/host/systems.ts'

/**
 * Arguments and result as the public headers declare them, by size: w is 32 bits, p and q are 64 (a pointer, a size_t, a
 * CFIndex, an uint64_t), s a text, v nothing.
 *
 * Source  libproc.h and bsd/sys/{sysctl,mount,codesign}.h of xnu-11417.101.15; IOKitLib.h of IOKitUser-100222; CFData.h,
 *         CFString.h, CFPropertyList.h and CFBase.h of CF-1153.18. io_object_t, kern_return_t, IOOptionBits and
 *         CFStringEncoding are 32 bits, CFIndex and CFOptionFlags 64; getfsstat takes an int as its length.
 */
const DECLARED: Readonly<Record<string, string>> = {
  csops: 'w(w w p q)',
  getfsstat: 'w(p w w)',
  proc_listallpids: 'w(p w)',
  proc_pidfdinfo: 'w(w w w p w)',
  proc_pidinfo: 'w(w w q p w)',
  proc_pidpath: 'w(w p w)',
  sysctl: 'w(p w p p p q)',
  IOIteratorNext: 'w(w)',
  IOObjectRelease: 'w(w)',
  IORegistryEntryCreateCFProperties: 'w(w p q w)',
  IORegistryEntryGetRegistryEntryID: 'w(w p)',
  IORegistryEntrySearchCFProperty: 'q(w s q q w)',
  IOServiceGetMatchingServices: 'w(w q p)',
  IOServiceMatching: 'q(s)',
  CFDataGetBytePtr: 'q(q)',
  CFDataGetLength: 'q(q)',
  CFPropertyListCreateData: 'q(q q q q p)',
  CFRelease: 'v(q)',
  CFStringCreateWithCString: 'q(q s w)',
}

const SIZES: Readonly<Record<string, string>> = {
  ...{ int: 'w', uint32_t: 'w', uint64_t: 'q', int64_t: 'q', size_t: 'q', 'void *': 'p', str: 's', void: 'v' },
}

describe('agent/host/macos/library, declarations', () => {
  const all = Object.values(SIGNATURES).flatMap((it) => Object.entries<string>(it))
  for (const [name, signature] of all)
    it(name, () => {
      const [, result = '', args = ''] = /^(.*?) \((.*)\)$/.exec(signature) ?? []
      const shape = args.split(', ').map((it) => SIZES[it])
      assert.equal(`${SIZES[result]}(${shape.join(' ')})`, DECLARED[name])
      assert.doesNotThrow(() => koffi().proto(signature.replace('(', `${name}_declared(`)))
    })

  it('is complete', () => assert.deepEqual(all.map(([name]) => name).sort(), Object.keys(DECLARED).sort()))

  it('a system without such a library says so, as a gap can tell it', () => {
    if (process.platform === SYSTEMS.macos.platform) return assert.ok(macCalls.processes().includes(process.pid))
    assert.throws(
      () => macCalls.processes(),
      (it) => it instanceof CallError && it.code === 'ENOENT',
    )
  })
})
