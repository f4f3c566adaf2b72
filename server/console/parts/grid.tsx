// biome-ignore-all lint/a11y/useSemanticElements: a table cannot be drawn in part; these roles say what it is.
// biome-ignore-all lint/a11y/useFocusableInteractive: focus stays on the grid, which names its active row.
/**
 * A list of any length that draws only the visible rows: 5,000 rows cost as much as 40.
 *
 * Shape   rows of one height, which is higher in narrow windows; the active row is identified by its key, so that it stays active when the order changes.
 *         One stop for the Tab key; arrows, j, k, Home, End, Page Up and Page Down move, Enter opens.
 */
import { type Signal, useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import { useKeys } from '../keys.ts'
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
/** As in the style sheet: below these widths a row is a card, high enough for its longest text. */
const CARDS = [
  { belowPx: 520, rowPx: 184 },
  { belowPx: 700, rowPx: 136 },
]
const ROW_PX = 44

export function Grid<Row>({
  rows,
  columns,
  keyOf,
  open,
  label,
  place,
}: {
  rows: readonly Row[]
  columns: readonly Column<Row>[]
  keyOf: (row: Row) => string
  open: (row: Row) => void
  label: string
  place: Signal<GridPlace>
}) {
  const box = useRef<HTMLDivElement>(null)
  const height = useSignal(600)
  const width = useSignal(innerWidth)
  const card = CARDS.find((it) => width.value < it.belowPx)
  const rowPx = card?.rowPx ?? ROW_PX
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
  const first = Math.max(0, Math.floor(top / rowPx) - SPARE_ROWS)
  const last = Math.min(rows.length, Math.ceil((top + height.value) / rowPx) + SPARE_ROWS)

  const move = (to: number) => {
    const index = Math.min(rows.length - 1, Math.max(0, to))
    const row = rows[index]
    const element = box.current
    if (!row || !element) return
    put({ active: keyOf(row), next: null })
    // The header sticks to the top of the box and covers one row of it.
    const room = element.clientHeight - (card ? 0 : HEAD_PX)
    if (index * rowPx < element.scrollTop) element.scrollTop = index * rowPx
    else if ((index + 1) * rowPx > element.scrollTop + room) element.scrollTop = (index + 1) * rowPx - room
    element.focus({ preventScroll: true })
  }
  const page = Math.max(1, Math.floor(height.value / rowPx) - 2)
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
      <div class="grid-body" role="rowgroup" style={{ height: `${rows.length * rowPx}px` }}>
        {shown.map(({ row, index }) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the grid itself handles the keys of its active row.
          <div
            key={keyOf(row)}
            id={`row-${index}`}
            class={index === at ? 'grid-row active' : 'grid-row'}
            role="row"
            aria-rowindex={index + 2}
            aria-selected={index === at}
            style={{ transform: `translateY(${index * rowPx}px)` }}
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
