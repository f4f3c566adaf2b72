/** Light, dark, or the system's theme. */
import { effect, signal } from '@preact/signals'

export const THEMES = ['system', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

export const theme = signal<Theme>(kept())
effect(() => {
  document.documentElement.dataset.theme = theme.value
  localStorage.setItem('tellwire.theme', theme.value)
})

function kept(): Theme {
  const saved = localStorage.getItem('tellwire.theme')
  return THEMES.find((it) => it === saved) ?? 'system'
}
