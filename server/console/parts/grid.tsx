// biome-ignore-all lint/a11y/useSemanticElements: a table cannot be drawn in part; these roles say what it is.
// biome-ignore-all lint/a11y/useFocusableInteractive: focus stays on the grid, which names its active row.
/**
 * A list of any length that draws only the visible rows: 5,000 rows cost as much as 40.
 *
 * Shape   rows of one height; in narrow windows cards, each as high as its text needs. The active row is identified by its
 *         key, so that it stays active when the order changes.
 *         One stop for the Tab key; arrows, j, k, Home, End, Page Up and Page Down move, Enter opens.
 */
import { type Signal, useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks'
import { useKeys } from '../keys.ts'
import { linesOf } from './lines.ts'
import './grid.css'

export interface Column<Row> {
  title: string
  /** A class of the style sheet, which sets the width and hides the column in narrow windows. */
  name: string
  cell: (row: Row) => ComponentChildren
}

/** The position in the list; kept by the page, so that going back leads to the same row. */
export interface GridPlace {
  active: string | null
  /** The row below the reader, while none is active: the one that was has moved away. */
  next: string | null
  top: number
}

const HEAD_PX = 44
const SPARE_ROWS = 8
const ROW_PX = 44
/** As in the style sheet: below this width a row is a card. Its height without the text, and that of a line of it. */
const CARD = { belowPx: 700, basePx: 70, linePx: 16, sidesPx: 24, fontPx: 12.5, maxLines: 9 }

export function Grid<Row>({
  rows,
  columns,
  keyOf,
  textOf,
  open,
  label,
  place,
}: {
  rows: readonly Row[]
  columns: readonly Column<Row>[]
  keyOf: (row: Row) => string
  /** The text that a card shows whole. */
  textOf: (row: Row) => string
  open: (row: Row) => void
  label: string
  place: Signal<GridPlace>
}) {
  const box = useRef<HTMLDivElement>(null)
  const height = useSignal(600)
  const width = useSignal(innerWidth)
  const isCard = width.value < CARD.belowPx
  // Where each row begins, and where the last one ends.
  const tops = useMemo(() => {
    const all = [0]
    for (const row of rows) all.push(all.at(-1)! + (isCard ? cardPx(textOf(row), width.value) : ROW_PX))
    return all
  }, [rows, isCard ? width.value : null])
  const topOf = (index: number) => tops[Math.min(index, rows.length)] ?? 0
  const { active, next, top } = place.value
  const put = (change: Partial<GridPlace>) => (place.value = { ...place.peek(), ...change })

  useLayoutEffect(() => {
    const element = box.current
    if (!element) return
    element.scrollTop = place.peek().top
    const watch = new ResizeObserver(() => {
      height.value = element.clientHeight
      width.value = element.clientWidth
    })
    watch.observe(element)
    return () => watch.disconnect()
  }, [])
  // When a list becomes shorter, the box stays scrolled past its end until the browser reports it.
  useEffect(() => {
    if (box.current) put({ top: box.current.scrollTop })
  }, [rows.length])

  const at = active === null ? -1 : rows.findIndex((row) => keyOf(row) === active)
  const below = next === null ? -1 : rows.findIndex((row) => keyOf(row) === next)
  const [down, up] = below < 0 ? [at + 1, at - 1] : [below, below - 1]
  const first = Math.max(0, rowAt(tops, top) - SPARE_ROWS)
  const last = Math.min(rows.length, rowAt(tops, top + height.value) + 1 + SPARE_ROWS)

  const move = (to: number) => {
    const index = Math.min(rows.length - 1, Math.max(0, to))
    const row = rows[index]
    const element = box.current
    if (!row || !element) return
    put({ active: keyOf(row), next: null })
    // The header sticks to the top of the box and covers one row of it.
    const room = element.clientHeight - (isCard ? 0 : HEAD_PX)
    if (topOf(index) < element.scrollTop) element.scrollTop = topOf(index)
    else if (topOf(index + 1) > element.scrollTop + room) element.scrollTop = topOf(index + 1) - room
    element.focus({ preventScroll: true })
  }
  const page = Math.max(1, rowAt(tops, top + height.value) - rowAt(tops, top) - 2)
  const openActive = () => {
    const row = rows[at]
    if (row) open(row)
  }
  useKeys({
    j: () => move(down),
    k: () => move(up),
    ArrowDown: () => move(down),
    ArrowUp: () => move(up),
    // Coming back from another page, the focus is on the page and not on the grid.
    Enter: ({ target }) => {
      const isOnPage = target === document.body || target === document.getElementById('main')
      return isOnPage ? openActive() : false
    },
  })
  const onKeyDown = (event: KeyboardEvent) => {
    const act = {
      Enter: openActive,
      ArrowDown: () => move(down),
      ArrowUp: () => move(up),
      Home: () => move(0),
      End: () => move(rows.length - 1),
      PageDown: () => move(at + page),
      PageUp: () => move(at - page),
    }[event.key]
    if (!act) return
    event.preventDefault()
    act()
  }

  const shown = rows.slice(first, last).map((row, offset) => ({ row, index: first + offset }))
  // The active row is always drawn: the element that the grid points at must exist.
  const activeRow = rows[at]
  if (activeRow && (at < first || at >= last)) shown.push({ row: activeRow, index: at })

  return (
    <div
      ref={box}
      class="grid"
      role="grid"
      tabIndex={0}
      aria-label={label}
      aria-rowcount={rows.length + 1}
      aria-colcount={columns.length}
      {...(activeRow && { 'aria-activedescendant': `row-${at}` })}
      onScroll={(event) => put({ top: event.currentTarget.scrollTop })}
      onKeyDown={onKeyDown}
      onFocus={() => {
        const row = rows[Math.max(0, below)]
        if (at < 0 && row) put({ active: keyOf(row), next: null })
      }}
    >
      <div class="grid-row grid-head" role="row" aria-rowindex={1}>
        {columns.map(({ title, name }) => (
          <div class={`cell ${name}`} role="columnheader" key={name}>
            {title}
          </div>
        ))}
      </div>
      <div class="grid-body" role="rowgroup" style={{ height: `${topOf(rows.length)}px` }}>
        {shown.map(({ row, index }) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the grid itself handles the keys of its active row.
          <div
            key={keyOf(row)}
            id={`row-${index}`}
            class={index === at ? 'grid-row active' : 'grid-row'}
            role="row"
            aria-rowindex={index + 2}
            aria-selected={index === at}
            style={{ transform: `translateY(${topOf(index)}px)`, height: `${topOf(index + 1) - topOf(index)}px` }}
            onClick={() => {
              put({ active: keyOf(row), next: null })
              open(row)
            }}
          >
            {columns.map(({ name, cell }) => (
              <div class={`cell ${name}`} role="gridcell" key={name}>
                {cell(row)}
              </div>
            ))}
          </div>
        ))}
      </div>
    </div>
  )
}

function cardPx(text: string, widthPx: number): number {
  const lines = linesOf(text, CARD.fontPx, widthPx - CARD.sidesPx)
  return CARD.basePx + CARD.linePx * Math.min(lines, CARD.maxLines)
}

/** The index of the row at this height of the list; the number of rows below its end. */
function rowAt(tops: readonly number[], px: number): number {
  let [low, high] = [0, tops.length - 1]
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if (tops[middle]! <= px) low = middle
    else high = middle - 1
  }
  return low
}
