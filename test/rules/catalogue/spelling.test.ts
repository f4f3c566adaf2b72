import assert from 'node:assert/strict'
import { loadCatalogue, recognise } from '../../../rules/catalogue/index.ts'
import { isDisguised, normalized } from '../../../rules/catalogue/spelling.ts'
import { event } from './events.ts'

const catalogue = loadCatalogue()

describe('normalized', () => {
  const rows: [name: string, text: string, is: string, disguised: boolean][] = [
    ['ASCII stays the very same', 'AnyDesk.exe', 'AnyDesk.exe', false],
    ['full-width letters', 'ＡｎｙＤｅｓｋ．ｅｘｅ', 'anydesk.exe', true],
    ['a zero-width space', 'Any\u200bDesk', 'anydesk', true],
    ['a soft hyphen and a joiner', 'Any\u00adDe\u200dsk', 'anydesk', true],
    ['a turn of direction', '\u202eAnyDesk', 'anydesk', true],
    ['a control character', 'any\u0001desk', 'anydesk', true],
    ['Cyrillic letters that look Latin', 'АnуDеѕk', 'anydesk', true],
    ['Greek letters that look Latin', 'αnydesk', 'anydesk', true],
    ['accents', 'ÀnyDésk', 'anydesk', true],
    ['another dash', 'chrome‑remote—desktop', 'chrome-remote-desktop', true],
    ['a name of its own script stays', '飞秋.exe', '飞秋.exe', false],
    ['half a character', '\ud800x', '\ud800x', false],
    ['nothing', '', '', false],
  ]
  for (const [name, text, is, disguised] of rows)
    it(name, () => assert.deepEqual([normalized(text), isDisguised(text)], [is, disguised]))
})

describe('recognise: disguised names', () => {
  const windows = { product: 'windows' }
  const folder = 'C:\\Users\\a\\Downloads'
  const rows: [name: string, fields: object, is: string | undefined][] = [
    ['full-width', { ...windows, Image: `${folder}\\ＡｎｙＤｅｓｋ．ｅｘｅ` }, 'anydesk by name renamed'],
    ['a full-width separator', { Image: '/tmp/x／anydesk' }, 'anydesk by name renamed'],
    ['zero-width', { Image: '/tmp/rust\u200bdesk' }, 'rustdesk by name renamed'],
    ['look-alikes', { ...windows, Image: `${folder}\\АnyDеsk.exe` }, 'anydesk by name renamed'],
    ['a trailing blank', { ...windows, Image: `${folder}\\AnyDesk.exe ` }, 'anydesk by name'],
    ['a trailing dot', { ...windows, Image: `${folder}\\AnyDesk.exe.` }, 'anydesk by name'],
    ['a blank before the ending', { ...windows, Image: `${folder}\\AnyDesk .exe` }, 'anydesk by name renamed'],
    ['the ending twice', { ...windows, Image: `${folder}\\AnyDesk.exe.exe` }, 'anydesk by name renamed'],
    ["a browser's second copy is no disguise", { ...windows, Image: `${folder}\\AnyDesk (1).exe` }, 'anydesk by name'],
    ['a copy', { ...windows, Image: `${folder}\\AnyDesk - Copy.exe` }, 'anydesk by name'],
    ['a second copy on Linux', { Image: '/home/a/anydesk (2)' }, 'anydesk by name'],
    ['mixed case', { Image: '/tmp/aNyDeSk' }, 'anydesk by name'],
    ['mixed separators', { ...windows, Image: 'C:/Program Files\\AnyDesk/x.exe' }, 'anydesk by path'],
    ["Windows' long form", { ...windows, Image: '\\\\?\\C:\\Program Files\\AnyDesk\\x.exe' }, 'anydesk by path'],
    ['a full-width folder', { Image: '/opt/ｔｅａｍｖｉｅｗｅｒ/x' }, 'teamviewer by path'],
    ["a person's name with an accent is no disguise", { Image: '/home/José/anydesk' }, 'anydesk by name'],
    [
      'a disguised name inside',
      { ...windows, Image: 'C:\\x.exe', OriginalFileName: 'Any\u200bDesk.exe' },
      'anydesk by name renamed',
    ],
    ['a name of its own script', { ...windows, Image: 'C:\\飞秋.exe' }, 'ip-messenger by name'],
    ['something else with an accent', { Image: '/usr/bin/café' }, undefined],
    ['something else with two endings', { ...windows, Image: 'C:\\x.exe.exe' }, undefined],
    ['only an ending', { ...windows, Image: 'C:\\.exe' }, undefined],
  ]
  for (const [name, fields, is] of rows)
    it(name, () => {
      const [tool, ...more] = recognise(catalogue, event('process_creation', fields))?.tools ?? []
      assert.deepEqual(more, [])
      assert.equal(tool && `${tool.id} by ${tool.by}${tool.renamed ? ' renamed' : ''}`, is)
    })

  it('a package, a service and an autostart as well', () => {
    for (const [category, fields] of [
      ['software', { Name: 'ｒｕｓｔｄｅｓｋ' }],
      ['software', { Name: 'Rust\u200bDesk.service', Kind: 'service' }],
      ['autostart', { Name: 'x', Command: '/tmp/ｒｕｓｔｄｅｓｋ --tray' }],
      ['file_event', { TargetFilename: '/home/a/.config/autostart/ｒｕｓｔｄｅｓｋ.desktop' }],
    ] as const)
      assert.equal(recognise(catalogue, event(category, fields))?.tools?.[0]?.id, 'rustdesk', JSON.stringify(fields))
  })
})
