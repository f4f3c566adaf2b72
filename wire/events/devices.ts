import * as z from 'zod'
import { count, envelope, hash, name, text, usbId } from '../common.ts'

const Action = z.enum(['present', 'attached', 'removed'])

/**
 * A USB device, as the bus describes it.
 *
 * Shape   `InterfaceClasses` two hex digits each, one per interface, in order. `HasAbsolutePointer`: an IP-KVM has one,
 *         a mouse does not. Strings come from the device and are untrusted.
 * Errors  null: the descriptor could not be read. An empty string: the device has none.
 * Source  Linux /sys/bus/usb/devices and /sys/class/input capabilities.
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
})

/**
 * A display, from its EDID.
 *
 * Shape   `MakerId` three letters; `ProductCode` '0x7771'; `EdidHash` SHA-256 of the base block, lower-case hex.
 * Units   millimetres; 0 if the EDID does not say.
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
