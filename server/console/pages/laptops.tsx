/** Every laptop: a quiet one, or one that cannot look, is a signal of its own. */
import { signal, useSignal } from '@preact/signals'
import { useRef } from 'preact/hooks'
import type { Laptop } from '../../api/schema.ts'
import { useKeys } from '../keys.ts'
import { useLive } from '../live.ts'
import { EnrolButton } from '../parts/enrol.tsx'
import { Failure } from '../parts/failure.tsx'
import { LaptopCard, problems } from '../parts/laptop.tsx'

const STEP = 50
const search = signal('')
const onlyTroubled = signal(false)

export function Laptops() {
  const { data, failure } = useLive<Laptop[]>('/laptops')
  const limit = useSignal(STEP)
  const field = useRef<HTMLInputElement>(null)
  useKeys({ '/': () => field.current?.select() })
  if (!data) return failure ? <Failure failure={failure} /> : <p class="loading">Loading laptops…</p>
  const wanted = search.value.toLowerCase()
  const shown = data.filter(
    (laptop) =>
      `${laptop.device} ${laptop.worker ?? ''} ${laptop.place ?? ''}`.toLowerCase().includes(wanted) &&
      (!onlyTroubled.value || !laptop.online || problems(laptop).length > 0),
  )
  const online = data.filter((laptop) => laptop.online).length
  return (
    <>
      {failure && <Failure failure={failure} />}
      <div class="page-head">
        <h1>Laptops</h1>
        <span class="muted">
          {online.toLocaleString()} of {data.length.toLocaleString()} online
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
            placeholder="Search laptop, worker, place"
            value={search.value}
            onInput={(event) => (search.value = event.currentTarget.value)}
          />
        </label>
        <EnrolButton />
      </div>
      {data.length === 0 && (
        <div class="empty">
          <p>No laptop is enrolled yet. Make a token, and run the command that you are shown on the laptop.</p>
        </div>
      )}
      {data.length > 0 && shown.length === 0 && <p class="notice">No laptop fits.</p>}
      <div class="laptops">
        {shown.slice(0, limit.value).map((laptop) => (
          <LaptopCard key={laptop.device} laptop={laptop} />
        ))}
      </div>
      {shown.length > limit.value && (
        <button type="button" onClick={() => (limit.value += STEP)}>
          Show {Math.min(STEP, shown.length - limit.value)} more of {shown.length.toLocaleString()}
        </button>
      )}
    </>
  )
}
