/**
 * File names that are not UTF-8, which Linux allows: as text that leads back to the same bytes.
 *
 * Shape   Node puts U+FFFD in the place of such bytes, and the file cannot be found under that name any more: whoever
 *         named a folder so would hide all that is in it. Here, each byte above 127 of such a name is a lone surrogate,
 *         U+DC80 to U+DCFF, which no valid name contains. Only for asking the system; `bounded` removes them from what
 *         is reported.
 *         The function refers to nothing outside of itself, because the reading thread has it as text, too.
 * Source  path_resolution(7): a name is any bytes but '/' and NUL. Windows' and macOS' file systems have Unicode names.
 */
export function fileNames() {
  // Where paths are separated by '/', names are bytes. Asked here, because the text has no imports.
  const isUnix = process.getBuiltinModule('node:path').sep === '/'
  return { nameOf, pathOf }

  /** `latin1`: the bytes of a name, as Node's encoding of this name returns them. */
  function nameOf(latin1: string): string {
    if (/^[\x00-\x7f]*$/.test(latin1)) return latin1
    const bytes = Buffer.from(latin1, 'latin1')
    const text = bytes.toString('utf8')
    if (!isUnix || Buffer.from(text).equals(bytes)) return text
    return latin1.replace(/[\x80-\xff]/g, (it) => String.fromCharCode(0xdc00 + it.charCodeAt(0)))
  }

  /** What Node's functions take. */
  function pathOf(path: string): string | Buffer {
    if (!isUnix || path.isWellFormed()) return path
    // With the flag, a surrogate that belongs to a pair does not match.
    const parts = path.split(/([\udc80-\udcff]+)/u)
    return Buffer.concat(
      parts.map((it, at) =>
        at % 2 === 0 ? Buffer.from(it) : Buffer.from(Array.from(it, (char) => char.charCodeAt(0) & 0xff)),
      ),
    )
  }
}

export const { nameOf, pathOf } = fileNames()
