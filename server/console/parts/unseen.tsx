/** What we would not see: what laptops cannot report, and the blind spots of the rules that fired. */
import type { FindingView, Unseen } from '../../views/schema.ts'
import { STATES } from './coverage.tsx'
import { plain, Text } from './text.tsx'
import './unseen.css'

const FAMILIES: Readonly<Record<string, string>> = {
  'remote-access': 'Remote access',
  hardware: 'Hardware',
  network: 'Network and place',
  identity: 'Identity',
  exfiltration: 'Exfiltration',
  presence: 'Presence',
  tampering: 'Tampering',
}

/** More than this is shown on demand. */
const FEW = 4

export function WouldNotSee({
  unseen,
  findings,
  laptops,
}: {
  unseen: readonly Unseen[]
  findings: readonly FindingView[]
  laptops: number
}) {
  const blindTo = new Map(findings.flatMap((it) => (it.blindTo ? [[it.rule, it] as const] : [])))
  return (
    <section class="panel" aria-labelledby="unseen-title">
      <div class="panel-head">
        <h2 id="unseen-title">What we would not see</h2>
        <span class="muted">
          {laptops === 0
            ? 'No laptop reports: none of this can be seen.'
            : unseen.length === 0
              ? 'Every category that the agent can collect is seen.'
              : 'A low score means nothing for these.'}
        </span>
      </div>
      {unseen.length > 0 && (
        <dl class="missed">
          {unseen.map(({ family, missed, blank }) => (
            <div key={family}>
              <dt>{FAMILIES[family] ?? plain(family, 40)}</dt>
              <dd>
                <ul>
                  {missed.map(({ category, words, state, detail, devices }) => (
                    <li key={category} class={`coverage-${state}`}>
                      <span class="coverage-mark" aria-hidden="true">
                        {STATES[state].mark}
                      </span>
                      <span>
                        {plain(words, 200)}{' '}
                        <span class="muted missed-why">
                          <span class="coverage-word">{STATES[state].word}</span>{' '}
                          <span class="mono">{plain(category, 60)}</span>
                          {detail !== null && <>: {plain(detail, 120)}</>}
                          {laptops > 1 && devices.length > 0 && <>, on {plain(devices.join(', '), 80)}</>}
                        </span>
                      </span>
                    </li>
                  ))}
                  {blank.map((it) => (
                    <BlankField key={it.field} blank={it} laptops={laptops} />
                  ))}
                </ul>
              </dd>
            </div>
          ))}
        </dl>
      )}
      {blindTo.size > 0 && (
        <details class="blind-rules" open={blindTo.size <= FEW}>
          <summary>
            {blindTo.size === 1 ? 'Blind spot of the rule' : `Blind spots of the ${blindTo.size} rules`} that fired
          </summary>
          <ul class="blind-to">
            {[...blindTo.values()].map(({ rule, title, blindTo: words }) => (
              <li key={rule}>
                <Text value={words ?? ''} max={600} />{' '}
                <span class="muted">
                  <Text value={title} max={120} />
                </span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  )
}

/** A field that the laptop's system never fills. */
function BlankField({ blank, laptops }: { blank: Unseen['blank'][number]; laptops: number }) {
  const { field, tools, silent, weaker, devices } = blank
  const titles = (all: readonly string[]) => plain(all.map((it) => `“${it}”`).join(', '), 300)
  return (
    <li class="coverage-partial">
      <span class="coverage-mark" aria-hidden="true">
        {STATES.partial.mark}
      </span>
      <span>
        {tools > 0 && <>{tools === 1 ? '1 known tool' : `${tools} known tools`} that nothing else gives away </>}
        {silent.length > 0 && <>cannot fire: {titles(silent)} </>}
        {weaker.length > 0 && <>sees less: {titles(weaker)} </>}
        <span class="muted missed-why">
          <span class="coverage-word">never filled</span> <span class="mono">{plain(field, 100)}</span>
          {laptops > 1 && devices.length > 0 && <>, on {plain(devices.join(', '), 80)}</>}
        </span>
      </span>
    </li>
  )
}
