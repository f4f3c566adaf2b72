import * as z from 'zod'
import { count, envelope, hash, name, text, usbId } from '../common.ts'

const Action = z.enum(['present', 'attached', 'removed'])

/**
 * A USB device, as the bus describes it.
 *
 * Shape   `InterfaceClasses` two hex digits each, one per interface, in order. `HasAbsolutePointer`: an IP-KVM has one,
 *         a mouse does not. `SerialNumber` the device's own: the instance id that Windows invents for a device without
 *         one is not a serial number. `BcdDevice` the release of the device, four hex digits. `ScsiInquiry`: vendor
 *         and product of each disk or drive in it, as 'Glinet Flash Drive': they remain when ids are disguised.
 *         `ReportDescriptorHash` SHA-256 over the HID report descriptors, in order of interface. Strings come from the
 *         device and are untrusted.
 * Units   `SpeedMbps` negotiated: 1.5, 12, 480, 5000 …; `MaxPowerMa` milliamperes, as the device asks for.
 * Errors  null: the descriptor could not be read, or the agent is older than the field. An empty string or list: the
 *         device has none.
 * Source  Linux /sys/bus/usb/devices, /sys/bus/hid/devices, /sys/block and /sys/class/input capabilities.
 */
export const UsbDevice = z.strictObject({
  category: z.literal('usb_device'),
  ...envelope,
  Action,
  VendorId: usbId,
  ProductId: usbId,
  Manufacturer: name.nullable(),
  ProductName: name.nullable(),
  SerialNumber: name.nullable(),
  InterfaceClasses: z.array(z.string().regex(/^[0-9a-f]{2}$/)).max(64),
  HasKeyboard: z.boolean().nullable(),
  HasAbsolutePointer: z.boolean().nullable(),
  HasStorage: z.boolean(),
  HasNetwork: z.boolean(),
  ParentPort: name.nullable(),
  SpeedMbps: z.number().min(0).max(1_000_000).nullish(),
  BcdDevice: usbId.nullish(),
  MaxPowerMa: z.int().min(0).max(100_000).nullish(),
  ScsiInquiry: z.array(text(64)).max(32).nullish(),
  ReportDescriptorHash: hash.nullish(),
})

/**
 * A display, from its EDID.
 *
 * Shape   `MakerId` three letters; `ProductCode` '0x7771'; `EdidHash` SHA-256 of the base block, lower-case hex. `Port`
 *         the connector ('card1-HDMI-A-1'). `ChecksumValid` false: the EDID is damaged, or was edited without care.
 * Units   millimetres; 0 if the EDID does not say.
 * Errors  `Port` and `ChecksumValid` null: there is no EDID, or the agent is older than the field.
 * Source  VESA E-EDID; Linux /sys/class/drm/<connector>/edid.
 */
export const Display = z.strictObject({
  category: z.literal('display'),
  ...envelope,
  Action,
  MakerId: text(3).nullable(),
  ProductCode: z
    .string()
    .regex(/^0x[0-9a-f]{4}$/)
    .nullable(),
  MonitorName: name.nullable(),
  SerialText: name.nullable(),
  WidthMm: z.int().min(0).max(100_000).nullable(),
  HeightMm: z.int().min(0).max(100_000).nullable(),
  Internal: z.boolean().nullable(),
  EdidHash: hash.nullable(),
  Port: name.nullish(),
  ChecksumValid: z.boolean().nullish(),
})

/** Timing of one input device: counts and intervals, never keys or positions. */
export const InputPattern = z.strictObject({
  category: z.literal('input_pattern'),
  ...envelope,
  SourceDevice: name,
  Kind: z.enum(['keyboard', 'relative_pointer', 'absolute_pointer', 'other']),
  Events: count,
  IntervalHistogramMs: z
    .record(z.string().regex(/^\d{1,9}$/), count)
    .refine((bounds) => Object.keys(bounds).length <= 64, 'at most 64 bounds'),
  ReturnedToOrigin: z.boolean().nullable(),
  CornerPinned: z.boolean().nullable(),
  Virtual: z.boolean().nullable(),
  WindowSeconds: z.int().min(1),
})
