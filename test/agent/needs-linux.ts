import { linux } from '../../agent/host/linux.ts'
import { needsSystem } from './needs-system.ts'

/** For tests on the real /proc and /sys. */
export function needsLinux(test: Mocha.Context): void {
  needsSystem(test, linux)
}
