/** Light, dark, or as the system says. */
import { effect, signal } from '@preact/signals'

export const THEMES = ['system', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

export const theme = signal<Theme>(kept())
effect(() => {
  document.documentElement.dataset.theme = theme.value
  localStorage.setItem('tellwire.theme', theme.value)
})

function kept(): Theme {
  const said = localStorage.getItem('tellwire.theme')
  return THEMES.find((it) => it === said) ?? 'system'
}
