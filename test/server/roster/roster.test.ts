import assert from 'node:assert/strict'
import { parseRoster } from '../../../server/roster/roster.ts'
import type { Contract } from '../../../wire/contract.ts'
import { Fault } from '../../../wire/fault.ts'

const NOW = Date.parse('2026-11-22T10:00:00Z')
const csv = (text: string) => parseRoster(text, { format: 'csv', fileName: 'r.csv', now: NOW })
const json = (text: string) => parseRoster(text, { format: 'json', fileName: 'r.json', now: NOW })
const day = (text: string) => Date.parse(`${text}T00:00:00Z`)
const reported = ({ problems }: ReturnType<typeof csv>) =>
  problems.map(({ file, line, column, why }) => `${file}:${line} ${column}: ${why}`)

const HEADER =
  'worker,name,country,region,city,latitude,longitude,timeZone,roles,start,end,shipToCountry,shipToCity,approvedTools,approvedEgress,household,approvedBy,device,serial'

describe('a roster in CSV', () => {
  it('reads every column', () => {
    const row =
      'w1,"Doe, Jane",United States,Texas,Austin,30.27,-97.74,America/Chicago,developer; lead,2026-01-05,2026-12-31,de,Berlin,' +
      'ScreenConnect@acme;Zoom,198.51.100.0/24;as64500;SASE.example,w7,hr@corp.example,d-1,SN9'
    const { contracts, devices, problems } = csv(`\uFEFF${HEADER}\r\n${row}\r\n`)
    assert.deepEqual(problems, [])
    assert.deepEqual(contracts, [
      {
        worker: 'w1',
        from: NOW,
        name: 'Doe, Jane',
        country: 'US',
        region: 'Texas',
        city: 'Austin',
        latitude: 30.27,
        longitude: -97.74,
        timeZone: 'America/Chicago',
        roles: ['developer', 'lead'],
        start: Date.parse('2026-01-05T00:00:00Z'),
        end: Date.parse('2026-12-31T23:59:59.999Z'),
        shipTo: { country: 'DE', city: 'Berlin' },
        approvedTools: [
          { tool: 'ScreenConnect', tenant: 'acme' },
          { tool: 'Zoom', tenant: null },
        ],
        approvedEgress: [{ address: '198.51.100.0/24' }, { asn: 64500 }, { domain: 'sase.example' }],
        household: ['w7'],
        approvedBy: 'hr@corp.example',
      },
    ])
    assert.deepEqual(devices, [{ device: 'd-1', worker: 'w1', from: NOW, to: null, serial: 'SN9' }])
  })

  it('omits empty cells, and derives no coordinates from a city', () => {
    const { contracts, devices } = csv('worker,country,city,latitude,longitude,device\nw1,,Austin,,,\n\n')
    assert.deepEqual(contracts, [{ worker: 'w1', from: NOW, city: 'Austin' }])
    assert.deepEqual(devices, [])
  })

  it('accepts other spellings of columns, and several laptops', () => {
    const { contracts, devices } = csv(
      'Worker,Time Zone,ship_to_city,From,Device\nw1,Asia/Kolkata,Pune,2026-11-01T09:00:00+05:30,d1;d2\n',
    )
    const from = Date.parse('2026-11-01T03:30:00Z')
    assert.deepEqual(contracts, [{ worker: 'w1', from, timeZone: 'Asia/Kolkata', shipTo: { city: 'Pune' } }])
    assert.deepEqual(
      devices.map((it) => [it.device, it.from]),
      [
        ['d1', from],
        ['d2', from],
      ],
    )
  })

  const lists: { name: string; column: keyof Contract; cell: string; value: unknown }[] = [
    {
      name: 'approved tools, one of them with an end',
      column: 'approvedTools',
      cell: 'Screen Connect@acme from 2026-11-01 until 2026-12-31;Zoom UNTIL 2026-11-30T12:00:00Z',
      value: [
        { tool: 'Screen Connect', tenant: 'acme', from: day('2026-11-01'), to: day('2027-01-01') },
        { tool: 'Zoom', tenant: null, to: Date.parse('2026-11-30T12:00:00Z') },
      ],
    },
    {
      name: 'an egress address with an end',
      column: 'approvedEgress',
      cell: 'AS64500 until 2026-12-31',
      value: [{ asn: 64_500, to: day('2027-01-01') }],
    },
    {
      name: 'travel, to the end of its last day',
      column: 'travelNotices',
      cell: 'Germany from 2026-05-01 until 2026-05-14; us/Texas/Austin from 2026-06-01 until 2026-06-02;FR / Paris from 2026-07-01 until 2026-07-01',
      value: [
        { country: 'DE', from: day('2026-05-01'), to: day('2026-05-15') },
        { country: 'US', region: 'Texas', city: 'Austin', from: day('2026-06-01'), to: day('2026-06-03') },
        { country: 'FR', city: 'Paris', from: day('2026-07-01'), to: day('2026-07-02') },
      ],
    },
    {
      name: 'a household, with one member until a date',
      column: 'household',
      cell: 'w7;w8 until 2026-06-30',
      value: ['w7', { worker: 'w8', to: day('2026-07-01') }],
    },
    {
      name: 'declared hardware',
      column: 'peripherals',
      cell: 'ip_kvm 1D6B:0104 CAFEBABE until 2026-12-31; jiggler;kvm_switch 046d:c52b',
      value: [
        { kind: 'ip_kvm', vendorId: '1D6B', productId: '0104', serial: 'CAFEBABE', to: day('2027-01-01') },
        { kind: 'jiggler' },
        { kind: 'kvm_switch', vendorId: '046d', productId: 'c52b' },
      ],
    },
    {
      name: 'declared hours, past midnight and past the end of the week',
      column: 'declaredHours',
      cell: 'Mon-Fri 09:00-17:00;sat 22:00-06:00 until 2026-03-31; Sat-Mon 08:00-12:30',
      value: [
        { days: [1, 2, 3, 4, 5], start: '09:00', end: '17:00' },
        { days: [6], start: '22:00', end: '06:00', to: day('2026-04-01') },
        { days: [1, 6, 7], start: '08:00', end: '12:30' },
      ],
    },
    { name: 'a referral', column: 'referredBy', cell: 'W3', value: 'w3' },
    {
      name: 'other accounts, in one feed or in all',
      column: 'accounts',
      cell: 'robin.c; GitHub:RCastell until 2026-06-30; robin@old.example',
      value: [
        { account: 'robin.c' },
        { account: 'RCastell', source: 'github', to: day('2026-07-01') },
        { account: 'robin@old.example' },
      ],
    },
  ]
  for (const { name, column, cell, value } of lists)
    it(`reads ${name}`, () => {
      const { contracts, problems } = csv(`worker,timeZone,${column}\nw1,UTC,${cell}`)
      assert.deepEqual(problems, [])
      assert.deepEqual(contracts[0]?.[column], value)
    })

  const rows = [
    { name: 'no worker', header: 'worker,name', row: ',Jane', says: 'r.csv:3 worker: it is empty' },
    { name: 'a worker with blanks', header: 'worker', row: 'w 1', says: 'r.csv:3 worker: write an id' },
    { name: 'a worker of 10 KB', header: 'worker', row: 'w'.repeat(10_000), says: 'r.csv:3 worker: write an id' },
    {
      name: 'a misspelt country',
      header: 'worker,country',
      row: 'x,Germny',
      says: "country: 'Germny' is not a country; did you mean DE?",
    },
    {
      name: 'a code that is not a country',
      header: 'worker,country',
      row: 'x,ZZ',
      says: "country: 'ZZ' is not a country",
    },
    {
      name: 'a date in another format',
      header: 'worker,start',
      row: 'x,03/31/2026',
      says: 'start: write a date as 2026-03-31',
    },
    { name: 'a day that does not exist', header: 'worker,end', row: 'x,2026-02-30', says: 'end: write a date' },
    {
      name: 'travel without an end',
      header: 'worker,travelNotices',
      row: 'x,DE from 2026-05-01',
      says: "travelNotices: 'DE from 2026-05-01': write when, such as",
    },
    {
      name: 'travel that ends before it starts',
      header: 'worker,travelNotices',
      row: 'x,DE from 2026-05-04 until 2026-05-01',
      says: 'travelNotices.0.to: it ends before it starts',
    },
    {
      name: 'travel to an unknown country',
      header: 'worker,travelNotices',
      row: 'x,Atlantis from 2026-05-01 until 2026-05-04',
      says: "travelNotices: 'Atlantis' is not a country",
    },
    {
      name: 'an end that is not a date',
      header: 'worker,approvedTools',
      row: 'x,Zoom until soon',
      says: "approvedTools: 'Zoom until soon': write a date as 2026-03-31",
    },
    {
      name: 'hardware with half an id',
      header: 'worker,peripherals',
      row: 'x,ip_kvm 1d6b',
      says: "peripherals: 'ip_kvm 1d6b': write what it is",
    },
    {
      name: 'hours in another format',
      header: 'worker,timeZone,declaredHours',
      row: 'x,UTC,9 to 5',
      says: "declaredHours: '9 to 5': write days and times",
    },
    {
      name: 'an hour that does not exist',
      header: 'worker,timeZone,declaredHours',
      row: 'x,UTC,Mon 09:00-25:00',
      says: 'declaredHours.0.end: write a time such as 09:00',
    },
    {
      name: 'hours without a time zone',
      header: 'worker,declaredHours',
      row: 'x,Mon 09:00-17:00',
      says: 'declaredHours: hours need the time zone',
    },
    {
      name: 'a household of the worker alone',
      header: 'worker,household',
      row: 'x,x',
      says: 'household: name the others who live there',
    },
    {
      name: 'a referral by the worker themselves',
      header: 'worker,referredBy',
      row: 'x,x',
      says: 'referredBy: a worker cannot refer themselves',
    },
    { name: 'a year 1900', header: 'worker,start', row: 'x,1900-01-01', says: 'start: This is before the year 2000' },
    {
      name: 'an end before the start',
      header: 'worker,start,end',
      row: 'x,2026-02-01,2026-01-01',
      says: 'end: it ends before it starts',
    },
    {
      name: 'degrees with a comma',
      header: 'worker,latitude,longitude',
      row: 'x,"30,27",1',
      says: 'latitude: write degrees',
    },
    {
      name: 'a latitude beyond the pole',
      header: 'worker,latitude,longitude',
      row: 'x,91,1',
      says: 'latitude: write degrees from -90 to 90',
    },
    {
      name: 'a latitude without a longitude',
      header: 'worker,latitude',
      row: 'x,30',
      says: 'latitude: latitude and longitude come together',
    },
    {
      name: 'an invented zone',
      header: 'worker,timeZone',
      row: 'x,Mars/Base',
      says: "timeZone: 'Mars/Base' is not an IANA",
    },
    {
      name: 'an offset for a zone',
      header: 'worker,timeZone',
      row: 'x,+02:00',
      says: "timeZone: '+02:00' is not an IANA",
    },
    {
      name: 'an invalid egress address',
      header: 'worker,approvedEgress',
      row: 'x,AS1;1.2.3',
      says: "approvedEgress: '1.2.3' is not an address",
    },
    {
      name: 'an egress range with too many bits',
      header: 'worker,approvedEgress',
      row: 'x,198.51.100.0/33',
      says: "approvedEgress: '198.51.100.0/33' is not",
    },
    {
      name: 'a tool without its tenant',
      header: 'worker,approvedTools',
      row: 'x,Zoom;ScreenConnect@',
      says: "approvedTools: 'ScreenConnect@': write tool@tenant",
    },
    { name: 'a device with blanks', header: 'worker,device', row: 'x,d 1', says: "device: 'd 1' is not a device's id" },
    {
      name: 'a serial for two laptops',
      header: 'worker,device,serial',
      row: 'x,d1;d2,SN',
      says: 'serial: a serial number needs exactly one',
    },
    { name: 'a name of 300 characters', header: 'worker,name', row: `x,${'n'.repeat(300)}`, says: 'name: Too big' },
    { name: 'sixty-five roles', header: 'worker,roles', row: `x,${'r;'.repeat(65)}`, says: 'roles: Too big' },
    { name: 'too few cells', header: 'worker,name,city', row: 'x,Jane', says: 'null: it has 2 cells, the header 3' },
    {
      name: 'an unquoted comma',
      header: 'worker,name',
      row: 'x,Doe, Jane',
      says: 'null: it has 3 cells, the header 2',
    },
    { name: 'a broken quote', header: 'worker,name', row: 'x,"a"b', says: 'null: text follows a closing quote' },
    {
      name: 'a country of 10 KB',
      header: 'worker,country',
      row: `x,${'Germny'.repeat(2_000)}`,
      says: `country: '${'Germny'.repeat(11).slice(0, 64)}…' is not a country: write`,
    },
    {
      name: '257 egress addresses',
      header: 'worker,approvedEgress',
      row: `x,${'AS1;'.repeat(257)}`,
      says: 'approvedEgress: it lists 257; at most 256',
    },
    {
      name: 'a cell of 10,000 travel notices',
      header: 'worker,travelNotices',
      row: `x,${'Germny from 2026-05-01 until 2026-05-04;'.repeat(10_000)}`,
      says: 'null: it is longer than 65536 characters',
    },
    {
      name: 'the same worker again',
      header: 'worker,name',
      row: 'good1,Twin',
      says: "worker: 'good1' is already on line 2",
    },
  ]
  for (const { name, header, row, says } of rows)
    it(`${name} affects only its row`, () => {
      const blank = ','.repeat(header.split(',').length - 1)
      const roster = csv(`${header}\ngood1${blank}\n${row}\ngood2${blank}\n`)
      assert.deepEqual(
        roster.contracts.map((it) => it.worker),
        ['good1', 'good2'],
      )
      assert.equal(roster.problems.length, 1)
      assert.ok(reported(roster)[0]?.includes(says), reported(roster)[0])
    })

  it('may have several versions of a contract', () => {
    const { contracts, problems } = csv('worker,from,country\nw1,2026-01-01,US\nw1,2026-06-01,DE\n')
    assert.deepEqual(problems, [])
    assert.deepEqual(
      contracts.map((it) => it.country),
      ['US', 'DE'],
    )
  })

  const misspelt = [
    { text: 'Untied States', says: 'did you mean US?' },
    { text: 'Swizerland', says: 'did you mean CH?' },
    { text: 'Cote d Ivoire', says: 'did you mean CI?' },
    { text: 'Germanyyyy', says: 'write its code' },
    { text: 'Q', says: 'write its code' },
  ]
  for (const { text, says } of misspelt)
    it(`suggests for the country '${text}': ${says}`, () => {
      const [problem] = csv(`worker,country\nw1,${text}`).problems
      assert.ok(problem?.why.includes(says), problem?.why)
    })

  it('reports the first 1,000 bad rows and counts the others', () => {
    const rows = Array.from({ length: 3_000 }, (_, n) => `w${n},${n % 3 === 0 ? 'Germany' : `Cuntry${n}`}`)
    const { contracts, problems, omitted } = csv(`worker,country\n${rows.join('\n')}`)
    assert.deepEqual([contracts.length, problems.length, omitted], [1_000, 1_000, 2_000])
    assert.deepEqual([problems[0]?.line, problems.at(-1)?.line], [3, 1_501])
  })

  it('accepts 1,000 versions of a contract, and 1,000 assignments of a laptop', () => {
    const rows = (column: string) =>
      Array.from({ length: 1_001 }, (_, n) => `${column},${new Date(NOW - n).toISOString()}`).join('\n')
    const versions = csv(`worker,from\n${rows('w1')}`)
    assert.deepEqual([versions.contracts.length, versions.omitted], [1_000, 1])
    assert.match(reported(versions)[0]!, /r\.csv:1002 worker: 'w1' has 1000 versions/)
    const lines = Array.from({ length: 1_001 }, (_, n) => ({
      type: 'device',
      device: 'd1',
      worker: 'w1',
      from: NOW - n,
    }))
    const holdings = json(JSON.stringify(lines))
    assert.deepEqual([holdings.devices.length, holdings.omitted], [1_000, 1])
    assert.match(reported(holdings)[0]!, /r\.json:1001 device: 'd1' changes hands 1000 times/)
  })

  it('assigns a laptop to one worker', () => {
    const roster = csv('worker,device\nw1,d1\nw2,d1\nw3,d3')
    assert.deepEqual(
      roster.contracts.map((it) => it.worker),
      ['w1', 'w3'],
    )
    assert.deepEqual(reported(roster), ["r.csv:3 device: 'd1' is already assigned to 'w1' in this file"])
  })

  const refused = [
    { name: 'an empty file', text: '', says: /no header line/ },
    {
      name: 'an unknown column',
      text: 'worker,contry\nw1,US',
      says: /r\.csv:1: .*'contry' \(did you mean country\?\)/,
    },
    {
      name: 'columns separated by semicolons',
      text: 'worker;country\nw1;US',
      says: /Separate the columns with commas/,
    },
    { name: 'a column twice', text: 'worker,city,City\n', says: /city appears twice/ },
    { name: 'no worker column', text: 'name,city\n', says: /column worker is missing/ },
    {
      name: 'a million unknown columns, naming ten',
      text: `worker${',country_x'.repeat(1_000_000)}`,
      says: /Unknown columns: ('country_x' \(did you mean country\?\)(, )?){10}\. Use these/,
    },
    { name: 'a file of another kind', text: '<html>\n<body>', says: /Unknown columns: '<html>'/ },
  ]
  for (const { name, text, says } of refused)
    it(`refuses ${name}`, () =>
      assert.throws(
        () => csv(text),
        (cause) => cause instanceof Fault && cause.code === 'roster.invalid' && says.test(cause.message),
      ))
})

describe('a roster in JSON', () => {
  const contract = { worker: 'w1', from: 1_700_000_000_000, country: 'US', ticket: 'HR-7' }
  const device = { type: 'device', device: 'd1', worker: 'w1', from: 1_700_000_000_000, to: null, firstBoot: null }
  const shapes = [
    { name: 'an array of contracts', text: JSON.stringify([contract]), devices: 0 },
    {
      name: 'an array of both',
      text: JSON.stringify([{ type: 'contract', ...contract }, device], null, 2),
      devices: 1,
    },
    {
      name: 'recorded lines',
      text: `${JSON.stringify({ type: 'contract', ...contract })}\r\n\n${JSON.stringify(device)}\n`,
      devices: 1,
    },
    { name: 'one contract', text: JSON.stringify(contract, null, 2), devices: 0 },
    {
      name: 'two lists',
      text: JSON.stringify({ contracts: [contract], devices: [{ ...device, type: undefined }] }),
      devices: 1,
    },
    { name: 'a byte order mark', text: `\uFEFF${JSON.stringify([contract])}`, devices: 0 },
  ]
  for (const { name, text, devices } of shapes)
    it(`reads ${name}`, () => {
      const roster = json(text)
      assert.deepEqual(roster.problems, [])
      assert.deepEqual(roster.contracts, [contract])
      assert.equal(roster.devices.length, devices)
    })

  it('fills in the beginning, and keeps travel notices and peripherals', () => {
    const travelNotices = [{ from: 1_700_000_000_000, to: 1_701_000_000_000, country: 'DE', ticket: 'T-1' }]
    const peripherals = [{ kind: 'ip_kvm', vendorId: '1d6b', productId: '0104' }]
    const { contracts, devices } = json(
      JSON.stringify([
        { worker: 'w1', travelNotices, peripherals },
        { type: 'device', device: 'd1', worker: null },
      ]),
    )
    assert.deepEqual(contracts, [{ worker: 'w1', from: NOW, travelNotices, peripherals }])
    assert.deepEqual(devices, [{ device: 'd1', worker: null, from: NOW, to: null }])
  })

  const entries = [
    { name: 'a value that is not an object', entry: 7, says: 'null: a contract or device is an object' },
    {
      name: 'another type',
      entry: { type: 'event', device: 'd1' },
      says: "type: a roster holds 'contract' and 'device' only",
    },
    { name: 'a misspelt key', entry: { worker: 'x', time_zone: 'Europe/Paris' }, says: 'time_zone: write timeZone' },
    { name: 'a wrong type', entry: { worker: 'x', country: 5 }, says: 'country: ' },
    { name: 'an invented country', entry: { worker: 'x', country: 'QQ' }, says: "country: 'QQ' is not a country code" },
    {
      name: 'a ship-to in an invented country',
      entry: { worker: 'x', shipTo: { country: 'QQ' } },
      says: 'shipTo.country: ',
    },
    {
      name: 'an error deep inside',
      entry: { worker: 'x', travelNotices: [{ from: 'May', to: 1 }] },
      says: 'travelNotices.0.from: ',
    },
    {
      name: 'an empty egress entry',
      entry: { worker: 'x', approvedEgress: [{ ticket: 'T-1' }] },
      says: 'approvedEgress.0: name an address, an asn or a domain',
    },
    {
      name: 'a travel notice for an invented country',
      entry: { worker: 'x', travelNotices: [{ country: 'QQ', from: NOW, to: NOW + 1 }] },
      says: "travelNotices.0.country: 'QQ' is not a country code",
    },
    {
      name: 'an oversized contract',
      entry: { worker: 'x', note: 'x'.repeat(70_000) },
      says: 'null: it is longer than 65536 characters',
    },
    {
      name: 'a list of 30,000 errors',
      entry: { worker: 'x', approvedTools: Array(30_000).fill(1) },
      says: 'approvedTools: Too big',
    },
    {
      name: 'a list of 40,000 errors',
      entry: { worker: 'x', approvedTools: Array(40_000).fill(1) },
      says: 'null: it is longer than 65536 characters',
    },
    {
      name: 'a laptop in a contract',
      entry: { worker: 'x', device: 'd1' },
      says: 'device: a laptop is an object of its own',
    },
    {
      name: 'an assignment that ends before it starts',
      entry: { type: 'device', device: 'd', worker: 'x', from: NOW, to: NOW - 1 },
      says: 'to: it ends',
    },
  ]
  for (const { name, entry, says } of entries)
    it(`${name} affects only itself`, () => {
      const good = { worker: 'good' }
      for (const [line, text] of [
        [2, JSON.stringify([{ worker: 'first' }, entry, good])],
        [2, ['{"worker":"first"}', JSON.stringify(entry), '{"worker":"good"}'].join('\n')],
      ] as const) {
        const roster = json(text)
        assert.deepEqual(
          roster.contracts.map((it) => it.worker),
          ['first', 'good'],
        )
        assert.ok(reported(roster)[0]?.startsWith(`r.json:${line} ${says}`), reported(roster)[0])
      }
    })

  it('a note of 10,000 brackets affects only its row', () => {
    const roster = json(`[{"worker":"x","note":${'['.repeat(10_000)}${']'.repeat(10_000)}},{"worker":"good"}]`)
    assert.deepEqual(
      roster.contracts.map((it) => it.worker),
      ['good'],
    )
    assert.deepEqual(reported(roster), ['r.json:1 null: it is nested more than 16 deep'])
  })

  it('a line that is not JSON affects only itself', () => {
    const roster = json('{"worker":"w1"}\n{"worker":\n{"worker":"w2"}\n')
    assert.deepEqual(
      roster.contracts.map((it) => it.worker),
      ['w1', 'w2'],
    )
    assert.match(reported(roster)[0] ?? '', /r\.json:2 null: it is not JSON/)
  })

  it('stops reading after the maximum number of rows', () => {
    const rows = '{"worker":"w"}\n'.concat('x\n'.repeat(200_000))
    assert.throws(() => json(rows), /r\.json:100001: .*more than 100000 rows/)
  })

  for (const text of ['', '[{"worker":"w1"}', 'worker,name', '['.repeat(200_000)])
    it(`refuses ${text.slice(0, 12) || 'an empty file'}`, () =>
      assert.throws(() => json(text), /not JSON.*roster\.invalid/s))
})
