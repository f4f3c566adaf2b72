import { linux } from '../../agent/host/linux.ts'
import { needsSystem } from './needs-system.ts'

/** For tests with the real /proc and /sys: skips them on other systems with a warning, and fails them in CI. */
export function needsLinux(test: Mocha.Context): void {
  needsSystem(test, linux)
}
