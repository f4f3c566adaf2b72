/** The cost of looking up an address, with the installed databases and a list of 100,000 ranges. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openAddresses } from '../../server/addresses/addresses.ts'
import { importRanges } from '../../server/addresses/ranges.ts'
import { type BenchOptions, median, type Row } from './row.ts'

const RANGES = 100_000
const LOOKUPS = 20_000

export async function bench({ says }: BenchOptions): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tellwire-bench-'))
  try {
    const file = join(folder, 'list.txt')
    // Every third /28 of 100,000 neighbours, so that no ranges can be joined.
    const block = (n: number) =>
      `${1 + ((n * 3) >> 20)}.${((n * 3) >> 12) & 255}.${((n * 3) >> 4) & 255}.${(n * 48) & 255}/28`
    writeFileSync(file, Array.from({ length: RANGES }, (_, n) => block(n)).join('\n'))
    const now = Date.now()
    const importing = performance.now()
    await importRanges({ folder, file, class: 'vpn', name: 'list', date: '2026-01-01', now })
    const imported = performance.now() - importing

    const addresses = await openAddresses({ rangesFolder: folder, catalogueAsnClass: () => null })
    for (const warning of addresses.warnings()) says(warning)
    const first = (address: string) => {
      const start = performance.now()
      addresses.lookup(address, now)
      return performance.now() - start
    }
    const firstV4 = first('8.8.8.8')
    const firstV6 = first('2001:4860:4860::8888')
    const each = (address: (n: number) => string) => {
      const times = Array.from({ length: 5 }, () => {
        const start = performance.now()
        for (let n = 0; n < LOOKUPS; n++) addresses.lookup(address(n), now)
        return ((performance.now() - start) * 1_000) / LOOKUPS
      })
      return median(times)
    }
    const v4 = each((n) => `${1 + (n % 223)}.${(n * 7) & 255}.${(n * 13) & 255}.${(n * 31) & 255}`)
    const v6 = each((n) => `2a00:${(n % 9_999).toString(16)}:${((n * 13) % 65_535).toString(16)}::1`)
    return [
      { name: 'addresses, import of 100,000 ranges', unit: 'ms', value: imported, budget: '' },
      { name: 'addresses, first IPv4 (loads its databases)', unit: 'ms', value: firstV4, budget: '' },
      { name: 'addresses, first IPv6 (loads its databases)', unit: 'ms', value: firstV6, budget: '' },
      { name: 'addresses, lookup IPv4', unit: 'µs', value: v4, budget: '' },
      { name: 'addresses, lookup IPv6', unit: 'µs', value: v6, budget: '' },
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
