/** Seconds since boot, sleep included, as /proc/uptime says. Null: it says something else. */
export function parseUptime(text: string): number | null {
  const found = /^(\d{1,12}(?:\.\d+)?) /.exec(text)
  return found ? Number(found[1]) : null
}
