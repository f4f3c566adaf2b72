import ipaddr from 'ipaddr.js'

/**
 * The client address of a request, behind trusted proxies.
 *
 * Shape   the socket's address; when that is a trusted proxy, the last hop in X-Forwarded-For that is not one. IPv4
 *         mapped into IPv6 is written as IPv4; a zone is omitted.
 * Errors  '0.0.0.0' when the socket is closed; an unreadable hop ends the walk at the last readable one.
 * Source  a client can write anything before the hops that our own proxies append, so the list is read from its end.
 */
export function remoteAddress(
  socketAddress: string | undefined,
  forwardedFor: string | string[] | undefined,
  trustedProxies: readonly string[],
): string {
  let address = normalAddress(socketAddress ?? '') ?? '0.0.0.0'
  const hops = (Array.isArray(forwardedFor) ? forwardedFor.join(',') : (forwardedFor ?? '')).split(',')
  while (hops.length > 0 && within(address, trustedProxies)) {
    const hop = normalAddress(hops.pop()!.trim())
    if (hop === null) break
    address = hop
  }
  return address
}

/** Null for text that is not an address. */
export function normalAddress(text: string): string | null {
  const bare = text.replace(/^\[|\](:\d+)?$/g, '').replace(/%.*$/, '')
  return ipaddr.isValid(bare) ? ipaddr.process(bare).toString() : null
}

/** `ranges` are addresses or CIDR ranges; a range of the other address family never contains it. */
export function within(address: string, ranges: readonly string[]): boolean {
  if (ranges.length === 0) return false
  const parsed = ipaddr.process(address)
  return ranges.some((range) => {
    const [base, bits] = range.includes('/')
      ? ipaddr.parseCIDR(range)
      : [ipaddr.process(range), parsed.kind() === 'ipv4' ? 32 : 128]
    return base.kind() === parsed.kind() && parsed.match(base, bits)
  })
}

/** What one customer of a provider has, by which strangers are counted: an IPv4 address, or an IPv6 /64. */
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address
  const parsed = ipaddr.process(address)
  return parsed.kind() === 'ipv4'
    ? parsed.toString()
    : `${new ipaddr.IPv6([...(parsed as ipaddr.IPv6).toByteArray().slice(0, 8), ...new Array<number>(8).fill(0)])}/64`
}
