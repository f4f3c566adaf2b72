/** Bytes for the encoding modifiers, and their forms as text. */

export type Bytes = Uint8Array

export function utf8(text: string): Bytes {
  return new TextEncoder().encode(text)
}

export function utf16(text: string, order: 'le' | 'be', mark: boolean): Bytes {
  const units = mark ? `\ufeff${text}` : text
  const bytes = new Uint8Array(units.length * 2)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < units.length; i++) view.setUint16(i * 2, units.charCodeAt(i), order === 'le')
  return bytes
}

/** One character per byte, as logs show bytes as text. */
export function asText(bytes: Bytes): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}

export function base64(bytes: Bytes): string {
  return btoa(asText(bytes))
}

/**
 * The three texts of which one occurs in the base64 form of any data that contains these bytes: for an offset divisible
 * by three, one more, and two more; without the characters at the ends that depend on neighbouring bytes.
 */
export function base64Offsets(bytes: Bytes): string[] {
  return [0, 1, 2].map((offset) => {
    const padded = new Uint8Array(offset + bytes.length)
    padded.set(bytes, offset)
    const whole = base64(padded)
    const from = [0, 2, 3][offset]!
    const to = [0, 3, 2][padded.length % 3]!
    return whole.slice(from, whole.length - to)
  })
}
