import { uploads } from '../operators.ts'
import { approves } from '../ordinary.ts'
import { between } from '../random.ts'
import type { Scenario } from '../scene.ts'

/**
 * OneDrive signs in to the company's tenant for the first time, and uploads 80 GB in two days.
 *
 * Variants  'folders': some days later desktop and documents are added: another 25 GB.
 * Source    threat model N18: the tenant, in the folder's name and in the account that the client runs for.
 */
export const n18: Scenario = {
  id: 'N18',
  title: "the first sync to the company's drive",
  truth: 'benign',
  people: 1,
  days: 14,
  variants: ['folders'],
  play(cast) {
    const { variant } = cast
    const worker = cast.people[0]!
    worker.livesAt(cast.home('Edinburgh')).role('sales').system('windows').hours('09:00', '17:30')
    worker.contract({
      ...approves({ tool: 'OneDrive (personal)', tenant: 'company', approvedBy: 'IT', ticket: 'IT-41' }),
      approvedEgress: [{ domain: HOST, approvedBy: 'IT' }],
    })
    const [first, second, later] = [worker.workday(4), worker.workday(5), worker.workday(8)]
    worker.on(first, (stage) => {
      stage
        .at('09:40')
        .runs(CLIENT, `"${CLIENT}" /background /configure_business:tenant-of-company /account:Business1`, {
          ...{ Company: 'Microsoft Corporation', Signer: 'Microsoft Corporation', OriginalFileName: 'OneDrive.exe' },
        })
    })
    worker.on([first, second, ...(variant === 'folders' ? [later] : [])], (stage) => {
      stage.works('09:00', '17:30')
      const bytes = stage.day === later ? 25e9 : 40e9
      const burst = stage.at('09:50')
      for (let nth = 0; nth < 8; nth++)
        burst.wait(45).saw('file_burst', {
          ...{ Root: 'C:\\Users\\user\\OneDrive - Company', RootKind: 'sync', Bytes: Math.round(bytes / 8) },
          Files: Math.round(between(stage.random, 400, 1_600)),
          SourceFiles: 0,
        })
      uploads(stage.at('09:52').saw('network_connection', { Image: CLIENT, DestinationHostname: HOST }), 'windows', {
        ...{ bytes, image: CLIENT, host: HOST, minutes: 420 },
      })
    })
  },
}

const HOST = 'company-my.sharepoint.com'
const CLIENT = 'C:\\Program Files\\Microsoft OneDrive\\OneDrive.exe'
