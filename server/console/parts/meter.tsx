/** The share of wanted categories that can be seen: a number, and a bar beside it. */
import './meter.css'

export function CoverageMeter({ share }: { share: number | null }) {
  if (share === null) return <span class="muted">not known</span>
  const percent = Math.round(Math.min(1, Math.max(0, share)) * 100)
  return (
    <span class="meter" title={`${percent} % of the categories can be seen`}>
      <span class="meter-track" aria-hidden="true">
        <span class={percent < 60 ? 'meter-fill meter-low' : 'meter-fill'} style={{ width: `${percent}%` }} />
      </span>
      <span class="number">{percent} %</span>
    </span>
  )
}
