/** Times at which groups are due: a binary heap in two columns. */
export interface Timetable {
  readonly size: number
  clear(): void
  add(time: number, group: number): void
  /** Removes and returns the earliest that is due before `now`; null when there is none. */
  takeBefore(now: number): { time: number; group: number } | null
}

export function timetable(): Timetable {
  const times: number[] = []
  const groups: number[] = []

  return {
    get size() {
      return times.length
    },
    clear() {
      times.length = groups.length = 0
    },
    add(time, group) {
      let at = times.length
      times.push(time)
      groups.push(group)
      while (at > 0) {
        const parent = (at - 1) >> 1
        if (times[parent]! <= times[at]!) break
        swap(at, parent)
        at = parent
      }
    },
    takeBefore(now) {
      if (times.length === 0 || times[0]! >= now) return null
      const first = { time: times[0]!, group: groups[0]! }
      swap(0, times.length - 1)
      times.pop()
      groups.pop()
      for (let at = 0; ; ) {
        let least = at
        for (const child of [2 * at + 1, 2 * at + 2])
          if (child < times.length && times[child]! < times[least]!) least = child
        if (least === at) return first
        swap(at, least)
        at = least
      }
    },
  }

  function swap(a: number, b: number): void {
    const time = times[a]!
    const group = groups[a]!
    times[a] = times[b]!
    groups[a] = groups[b]!
    times[b] = time
    groups[b] = group
  }
}
