/** What is collected, from the wire contract; and what is never collected. */
import { CAVEAT, NEVER_COLLECTED } from '../../../wire/privacy.ts'
import type { CategoryView } from '../../api/schema.ts'
import { useLive } from '../live.ts'
import { Failure } from '../parts/failure.tsx'
import { Loading } from '../parts/loading.tsx'
import './collected.css'

const ORIGINS: readonly { origin: CategoryView['origin']; title: string; about: string }[] = [
  {
    origin: 'agent',
    title: 'From laptops',
    about: 'What the agent sees. On the laptop, tellwire agent show prints this list and the last events sent.',
  },
  { origin: 'server', title: 'Derived on the server', about: 'What the server derives from the events of laptops.' },
  { origin: 'feed', title: 'From other systems', about: 'Only what you send to the server.' },
]

function byDefault({ origin, sensitive, on }: CategoryView): string {
  if (origin === 'agent' && on.length === 0) return 'no agent collects it yet'
  if (sensitive) return 'off: needs your policy'
  return origin === 'agent' ? `on (${on.join(', ')})` : 'on'
}

export function Collected() {
  const { data, failure } = useLive<CategoryView[]>('/categories')
  if (!data) return failure ? <Failure failure={failure} /> : <Loading>Loading…</Loading>
  return (
    <div class="reading">
      <h1>What is collected</h1>
      <section class="panel" aria-labelledby="never-title">
        <h2 id="never-title">Never collected</h2>
        <ul class="never">
          {NEVER_COLLECTED.map((what) => (
            <li key={what}>{what}</li>
          ))}
        </ul>
        <p class="muted">{CAVEAT}</p>
        <p class="muted">
          Language, keyboard layout and names never count against anybody. A finding says what was seen; a person
          decides.
        </p>
      </section>
      {ORIGINS.map(({ origin, title, about }) => (
        <section class="panel" key={origin} aria-labelledby={`${origin}-title`}>
          <h2 id={`${origin}-title`}>{title}</h2>
          <p class="muted">{about}</p>
          <table class="categories">
            <thead>
              <tr>
                <th scope="col">Category</th>
                <th scope="col">What it is</th>
                <th scope="col">By default</th>
              </tr>
            </thead>
            <tbody>
              {data
                .filter((category) => category.origin === origin)
                .map((category) => (
                  <tr key={category.category}>
                    <th scope="row" class="mono">
                      {category.category}
                    </th>
                    <td>{category.about}</td>
                    <td data-title="By default">{byDefault(category)}</td>
                  </tr>
                ))}
            </tbody>
          </table>
        </section>
      ))}
    </div>
  )
}
