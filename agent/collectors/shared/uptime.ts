/** Seconds since boot, including sleep, from the text of /proc/uptime. Null: another format. */
export function parseUptime(text: string): number | null {
  const found = /^(\d{1,12}(?:\.\d+)?) /.exec(text)
  return found ? Number(found[1]) : null
}
