/**
 * A parser of comma-separated values, RFC 4180.
 *
 * Shape   rows with the line they start on; blank lines are skipped. Cells are text as written, without the quotes.
 *         CRLF and LF end a row, and a quoted cell may contain either; a byte order mark is skipped.
 * Errors  a row with a misplaced quote has a `problem` and no cells. With a quote that is never closed, the rest of the
 *         file is unreadable; the problem names the line where it was opened.
 */
export interface CsvRow {
  line: number
  cells: string[]
  problem: string | null
}

export function* parseCsv(text: string): Generator<CsvRow> {
  let at = text.startsWith('\uFEFF') ? 1 : 0
  let line = 1
  while (at < text.length) {
    const row: CsvRow = { line, cells: [], problem: null }
    let more = true
    while (more) {
      const cell = text[at] === '"' ? quoted() : plain()
      row.cells.push(cell.text)
      row.problem ??= cell.problem
      more = text[at] === ','
      if (more) at++
    }
    if (text[at] === '\r') at++
    if (text[at] === '\n') at++
    line++
    if (row.problem) yield { ...row, cells: [] }
    else if (row.cells.length > 1 || row.cells[0] !== '') yield row
  }

  function plain(): { text: string; problem: null } {
    const start = at
    while (at < text.length && text[at] !== ',' && !endOfRow()) at++
    return { text: text.slice(start, at), problem: null }
  }

  function quoted(): { text: string; problem: string | null } {
    const opened = line
    let value = ''
    at++
    for (;;) {
      const close = text.indexOf('"', at)
      const piece = text.slice(at, close === -1 ? text.length : close)
      line += piece.split('\n').length - 1
      value += piece
      if (close === -1) {
        at = text.length
        return { text: value, problem: `the quote opened on line ${opened} is never closed; nothing after it was read` }
      }
      at = close + 1
      if (text[at] !== '"') break
      value += '"'
      at++
    }
    if (at >= text.length || text[at] === ',' || endOfRow()) return { text: value, problem: null }
    plain()
    return { text: value, problem: 'text follows a closing quote; write a quote inside a quoted cell twice' }
  }

  /** A lone carriage return is data: only CRLF and LF end a row. */
  function endOfRow(): boolean {
    return text[at] === '\n' || (text[at] === '\r' && (text[at + 1] === '\n' || at + 1 === text.length))
  }
}
