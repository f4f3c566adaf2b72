/** Every scene: what the threat model's sections 3 and 4 list, one file each. */
import type { Scenario } from '../scene.ts'
import { n09 } from './n09-couple.ts'
import { p04 } from './p04-farm.ts'

export const SCENARIOS: readonly Scenario[] = [p04, n09]
