/**
 * Parts shared by the scenes of look-alikes: help desk, approved tools, ordinary hardware, wrong address databases.
 *
 * Source  threat model section 4. The help desk's client and its options as ScreenConnect writes them: 'e=Support' is
 *         a session that somebody at the laptop requested, 'e=Access' an unrequested one.
 */
import type { Contract } from '../../wire/contract.ts'
import { cityCalled } from './cities.ts'
import type { FieldsOf, System } from './observations.ts'
import { type Random, weighted } from './random.ts'
import type { Cast, Controller, Moment } from './scene.ts'
import { type Exit, placedRight } from './sites.ts'
import { SUPPORT_CLIENT } from './work.ts'

const DAY = 86_400_000

/** Epoch ms of a day's midnight, UTC; approvals and notices are dated by day. */
export const midnight = ({ start }: Pick<Cast, 'start'>, day: number): number => start + day * DAY

/** The first day from `from` on with this day of the week, 0 Sunday. */
export function nextWeekday(cast: Pick<Cast, 'start'>, weekday: number, from: number): number {
  const today = new Date(midnight(cast, from)).getUTCDay()
  return from + ((weekday - today + 7) % 7)
}

export const anySystem = (random: Random): System => weighted(random, { windows: 5, macos: 3, linux: 2 })

/** The support tool that every contract approves; a scene adds to the list. */
export const SUPPORT_TOOL = { tool: 'ScreenConnect', tenant: 'company', approvedBy: 'IT', ticket: 'IT-100' } as const
/** The company's own exits. */
export const COMPANY_ASN = 64_496

type ApprovedTools = NonNullable<Contract['approvedTools']>

/** The contract's list with these tools added. */
export const approves = (...tools: ApprovedTools): { approvedTools: ApprovedTools } => ({
  approvedTools: [SUPPORT_TOOL, ...tools],
})

/** The same line, placed by a database in another city. */
export function takenFor(exit: Exit, name: string, edition?: string): Exit {
  const { geo } = placedRight({ ...exit, city: cityCalled(name) })
  return { ...exit, geo: { ...geo, ...(edition && { edition }) } }
}

/** An attended support session: somebody at the laptop requested it and watches. */
export function helped(moment: Moment, system: System, minutes: number, by: Omit<Controller, 'unattended'>): Moment {
  const Image = SUPPORT_CLIENT[system]
  return moment
    .runs(Image, `"${Image}" "?e=Support&y=Guest&h=company.screenconnect.com&p=443"`, {
      Signer: system === 'linux' ? null : 'Connectwise, LLC',
    })
    .saw('network_connection', { Image, DestinationHostname: 'company.screenconnect.com' })
    .controlled('ScreenConnect', minutes, { ...by, unattended: false })
}

/** The camera in a laptop's lid: a USB device with video interfaces only. */
export const BUILT_IN_CAMERA: Partial<FieldsOf<'usb_device'>> = {
  Action: 'present',
  VendorId: '04f2',
  ProductId: 'b6d9',
  Manufacturer: 'Chicony Electronics Co.,Ltd.',
  ProductName: 'Integrated Camera',
  SerialNumber: '0001',
  InterfaceClasses: ['0e', '0e'],
  HasKeyboard: false,
  ParentPort: '1-8',
}

/** An ordinary keyboard, and an ordinary mouse receiver below, each a device of its own. */
export const OWN_KEYBOARD: Partial<FieldsOf<'usb_device'>> = {
  VendorId: '05ac',
  ProductId: '024f',
  Manufacturer: 'Keychron',
  ProductName: 'Keychron K2',
  SerialNumber: '',
  InterfaceClasses: ['03', '03'],
  ParentPort: '1-3',
}
export const OWN_RECEIVER: Partial<FieldsOf<'usb_device'>> = {
  VendorId: '046d',
  ProductId: 'c52b',
  Manufacturer: 'Logitech',
  ProductName: 'USB Receiver',
  SerialNumber: '',
  InterfaceClasses: ['03', '03', '03'],
  ParentPort: '1-4',
}
