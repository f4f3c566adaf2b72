/** Bytes between two looks at the counters of network interfaces. */

export interface Counter {
  received: number
  sent: number
}

/** The traffic between two polls. A new interface starts at zero. */
export function trafficBetween(before: ReadonlyMap<string, Counter>, now: ReadonlyMap<string, Counter>): Counter {
  let sum: Counter = { received: 0, sent: 0 }
  for (const [name, { received, sent }] of now) {
    const last = before.get(name) ?? { received: 0, sent: 0 }
    sum = addTraffic(sum, {
      received: received >= last.received ? received - last.received : received,
      sent: sent >= last.sent ? sent - last.sent : sent,
    })
  }
  return sum
}

export function addTraffic(a: Counter, b: Counter): Counter {
  return { received: a.received + b.received, sent: a.sent + b.sent }
}
