import assert from 'node:assert/strict'
import { isSameTool, toolIdOf } from '../../rules/catalogue/tool-names.ts'

describe('the tool that a name means', () => {
  const same: string[][] = [
    ['ninjaone-ninjarmm', 'NinjaOne', 'NinjaOne (NinjaRMM)', 'ninjarmm', 'Ninja RMM Agent', ' NINJAONE '],
    ['teamviewer', 'TeamViewer', 'TeamViewer Host', 'TeamViewer 15', 'TeamViewer QuickSupport', 'teamviewer-host'],
    ['screenconnect', 'ScreenConnect', 'ConnectWise Control', 'ConnectWise ScreenConnect', 'ScreenConnect Client'],
    ['anydesk', 'AnyDesk', 'AnyDesk.exe', 'com.philandro.anydesk', 'ANYDESK', 'ＡｎｙＤｅｓｋ'],
    ['datto-rmm-centrastage', 'Datto RMM', 'CentraStage'],
    ['nextcloud-owncloud', 'Nextcloud', 'ownCloud', 'Nextcloud / ownCloud'],
    ['a helper of ours', 'A  Helper of Ours', 'a helper of ours'],
  ]
  for (const [id = '', ...names] of same)
    for (const name of names) it(`'${name}' is ${id}`, () => assert.equal(toolIdOf(name), id))

  const different: [string, string][] = [
    ['OneDrive', 'OneDrive (personal)'],
    ['AnyDesk', 'AnyDesk Evil'],
    ['Remote Desktop', 'Chrome Remote Desktop'],
    ['Agent', 'Atera Agent'],
    ['VNC', 'RealVNC'],
    ['A helper', 'A helper of ours'],
    ['Our client', 'Our agent'],
    ['constructor', 'AnyDesk'],
  ]
  for (const [a, b] of different) it(`'${a}' is not '${b}'`, () => assert.equal(isSameTool(a, b), false))
})
