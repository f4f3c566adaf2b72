/**
 * What a HID report descriptor says.
 *
 * Source  Device Class Definition for HID 1.11, 6.2.2; HID Usage Tables: page 1, X is 0x30, Y is 0x31.
 */

const GENERIC_DESKTOP = 1
const [X, Y] = [0x30, 0x31]
const [INPUT, USAGE_PAGE, USAGE, USAGE_MINIMUM, USAGE_MAXIMUM] = [0x80, 0x04, 0x08, 0x18, 0x28]
const [COLLECTION, END_COLLECTION] = [0xa0, 0xc0]
const RELATIVE = 4
const MAX_RANGE = 4_096
/** A joystick has absolute axes, too, and moves no pointer. */
const NO_POINTERS = new Set([0x04, 0x05])

/** Whether an input report has X and Y as absolute values, outside of a joystick or gamepad. */
export function hasAbsolutePointer(descriptor: Buffer): boolean {
  let page = 0
  let usages: number[] = []
  let minimum = 0
  const open: boolean[] = []
  for (let at = 0; at < descriptor.length; ) {
    const prefix = descriptor[at]!
    // A long item has its length in the next byte.
    const size = prefix === 0xfe ? 2 + (descriptor[at + 1] ?? 0) : [0, 1, 2, 4][prefix & 3]!
    const value =
      prefix === 0xfe || at + 1 + size > descriptor.length || size === 0 ? 0 : descriptor.readUIntLE(at + 1, size)
    const item = prefix & 0xfc
    if (item === USAGE_PAGE) page = value
    else if (item === USAGE) usages.push(value & 0xffff)
    else if (item === USAGE_MINIMUM) minimum = value & 0xffff
    else if (item === USAGE_MAXIMUM)
      for (let it = minimum; it <= (value & 0xffff) && usages.length < MAX_RANGE; it++) usages.push(it)
    else if (item === COLLECTION) {
      open.push(page === GENERIC_DESKTOP && NO_POINTERS.has(usages.at(-1) ?? 0))
      usages = []
    } else if (item === END_COLLECTION) open.pop()
    else if (item === INPUT) {
      const isPointer = page === GENERIC_DESKTOP && usages.includes(X) && usages.includes(Y) && !open.includes(true)
      if (isPointer && (value & RELATIVE) === 0) return true
      usages = []
    }
    at += 1 + size
  }
  return false
}
