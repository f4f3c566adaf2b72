/** The contract compared with what was seen: agrees, differs, or not known, which is shown as prominently. */
import type { Compared } from '../../views/schema.ts'
import { Text } from './text.tsx'
import { Time } from './time.tsx'
import './observed.css'

const LINES: Record<Compared['what'], string> = {
  country: 'Country',
  region: 'Region and city',
  time_zone: 'Time zone',
  network: 'Network',
  remote_tools: 'Remote-control tools',
  hardware: 'Remote-control hardware',
}

const STATES: Record<Compared['state'], { mark: string; word: string }> = {
  agrees: { mark: '✓', word: 'agrees' },
  differs: { mark: '✕', word: 'differs' },
  unknown: { mark: '?', word: 'not known' },
}

export function Observed({ rows }: { rows: readonly Compared[] }) {
  const differ = rows.filter((it) => it.state === 'differs').length
  const unknown = rows.filter((it) => it.state === 'unknown').length
  return (
    <section class="panel" aria-labelledby="observed-title">
      <div class="panel-head">
        <h2 id="observed-title">Contract against what was seen</h2>
        <span class="muted">
          {differ === 0 ? 'Nothing differs' : `${differ} of ${rows.length} differ`}
          {unknown > 0 && `, ${unknown} not known`}. Places of the last 14 days, tools and hardware of the last 30.
        </span>
      </div>
      <table class="observed">
        <thead>
          <tr>
            <th scope="col">What</th>
            <th scope="col">Agreed</th>
            <th scope="col">Seen</th>
            <th scope="col">Result</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ what, state, agreed, agreedSays, seen, unseen }) => (
            <tr key={what} class={`observed-${state}`}>
              <th scope="row">{LINES[what]}</th>
              <td data-title="Agreed">
                {agreed.length > 0 ? <Text value={agreed.join('; ')} max={200} /> : <Muted words={agreedSays} />}
              </td>
              <td data-title="Seen">
                {seen.length === 0 && <Muted words={unseen} />}
                {seen.map((it) => (
                  <p key={`${it.text} ${it.device} ${it.time}`} class={`observed-${it.state}`}>
                    <Mark state={it.state} /> <Text value={it.text} max={120} />{' '}
                    <span class="muted">
                      {it.why !== null && (
                        <>
                          <Text value={it.why} max={120} />,{' '}
                        </>
                      )}
                      <Time ms={it.time} />
                    </span>
                  </p>
                ))}
              </td>
              <td class="observed-verdict">
                <span class="observed-mark" aria-hidden="true">
                  {STATES[state].mark}
                </span>{' '}
                {STATES[state].word}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

function Mark({ state }: { state: Compared['state'] }) {
  const { mark, word } = STATES[state]
  return (
    <span class="observed-mark" title={word}>
      <span aria-hidden="true">{mark}</span>
      <span class="sr-only">{word}:</span>
    </span>
  )
}

function Muted({ words }: { words: string | null }) {
  return <span class="muted">{words ?? 'not known'}</span>
}
