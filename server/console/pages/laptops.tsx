/** All laptops, in pages: a silent laptop, or one whose agent cannot see, is a signal of its own. */
import { signal, useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import type { LaptopPage, LaptopRow } from '../../views/schema.ts'
import { ask } from '../api.ts'
import { useKeys } from '../keys.ts'
import { useLook } from '../live.ts'
import { EnrollButton } from '../parts/enroll.tsx'
import { Failure } from '../parts/failure.tsx'
import { LaptopItem } from '../parts/laptop.tsx'
import { Loading } from '../parts/loading.tsx'
import './laptops.css'

const PAGE = 50
/** Wait this long after the last keystroke. */
const TYPING_MS = 250

const search = signal('')
const onlyTroubled = signal(false)

export function Laptops() {
  const pages = useSignal(1)
  const field = useRef<HTMLInputElement>(null)
  const query = useQuery(() => (pages.value = 1))
  const inputs = [query, pages.value]
  const { data, failure } = useLook(
    'laptops',
    () => found(query, pages.value),
    { concerns: (it) => it.laptops },
    inputs,
  )
  useKeys({ '/': () => field.current?.select() })
  if (!data) return failure ? <Failure failure={failure} /> : <Loading>Loading laptops…</Loading>
  const { laptops, next, total, online } = data
  return (
    <>
      {failure && <Failure failure={failure} />}
      <div class="page-head">
        <h1>Laptops</h1>
        <span class="muted">
          {online.toLocaleString()} of {total.toLocaleString()} online
        </span>
        <label class="check">
          <input
            type="checkbox"
            checked={onlyTroubled.value}
            onChange={(event) => (onlyTroubled.value = event.currentTarget.checked)}
          />
          Only offline or with gaps
        </label>
        <label class="search">
          <span class="sr-only">Search by laptop, worker or place</span>
          <input
            ref={field}
            type="search"
            maxLength={256}
            placeholder="Search laptop, worker, place"
            value={search.value}
            onInput={(event) => (search.value = event.currentTarget.value)}
          />
        </label>
        <EnrollButton />
      </div>
      {total === 0 && (
        <div class="empty">
          <p>No laptop is enrolled yet. Create a token, and run the command shown with it on the laptop.</p>
        </div>
      )}
      {total > 0 && laptops.length === 0 && <p class="notice">No laptops match.</p>}
      <div class="laptops">
        {laptops.map((laptop) => (
          <LaptopItem key={laptop.device} laptop={laptop} />
        ))}
      </div>
      {next !== null && (
        <button type="button" onClick={() => pages.value++}>
          Show {PAGE} more
        </button>
      )}
    </>
  )
}

/** The query for the current search and filter; `changed` is called before it changes. */
function useQuery(changed: () => void): string {
  const query = useSignal(queryOf())
  const wanted = queryOf()
  useEffect(() => {
    if (wanted === query.peek()) return
    const timer = setTimeout(() => {
      changed()
      query.value = wanted
    }, TYPING_MS)
    return () => clearTimeout(timer)
  }, [wanted])
  return query.value
}

function queryOf(): string {
  const troubled = onlyTroubled.value ? '&troubled=true' : ''
  return `limit=${PAGE}&search=${encodeURIComponent(search.value.trim().toWellFormed())}${troubled}`
}

async function found(query: string, pages: number): Promise<LaptopPage> {
  const laptops: LaptopRow[] = []
  for (let after = ''; ; ) {
    const page = await ask<LaptopPage>(`/laptops?${query}${after}`)
    laptops.push(...page.laptops)
    if (page.next === null || laptops.length >= pages * PAGE) return { ...page, laptops }
    after = `&after=${encodeURIComponent(page.next)}`
  }
}
