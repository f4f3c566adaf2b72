/**
 * Whether a laptop is where the database has its address, by the witnesses that are not that database.
 *
 * Shape   each witness says `here` (where the contract has it), `elsewhere` (where the address is), or null: nothing, which
 *         is no vote. Two can decide by themselves, because nobody at the laptop can forge them:
 *           round trip `cannot`   the answer came faster than light travels to the place and back;
 *           network `same`        the address, or router and operator, with which it was at the contract's place before.
 *
 *           round trip | network   | geofeed | clock     | verdict
 *           -----------|-----------|---------|-----------|-----------------------------------------------------------
 *           cannot     | any       | any     | any       | disagree
 *           any        | same      | any     | any       | disagree
 *           null       | null      | null    | null      | elsewhere: the address alone, and nobody contradicts
 *           null       | null      | null    | here      | elsewhere: a clock is set in a minute
 *           here       | null      | null    | null      | elsewhere: one against one
 *           here       | null      | null    | here      | disagree: two of three
 *           null       | here      | null    | here      | disagree: two of three
 *           here       | elsewhere | null    | here      | elsewhere: two against two, on a new network
 *           elsewhere  | here      | null    | here      | elsewhere: two against two, and slower
 *           none says elsewhere    | here    | any       | disagree: a network's operator knows its own addresses
 *           any        | elsewhere | here    | null      | elsewhere: one against two
 *           elsewhere  | elsewhere | here    | here      | elsewhere: two against three
 *
 *         As a rule: disagree when two or more say here, and more than say elsewhere with the address. `delivery` can only
 *         say elsewhere: that a laptop was sent to the contract's place does not keep it there.
 * Source  judgement.md, 2: place is a vote, two of three.
 */

export type Says = 'here' | 'elsewhere' | null

export interface Witnesses {
  roundTrip: Says | 'cannot'
  network: Says | 'same'
  geofeed: Says
  clock: Says
  delivery: 'elsewhere' | null
}

export interface Vote {
  /** `disagree`: the database is on its own, or the witnesses are too many against it. */
  verdict: 'elsewhere' | 'disagree'
  /** Witnesses, beside the database, that say elsewhere; and those that say here. */
  elsewhere: number
  here: number
}

export function vote({ roundTrip, network, geofeed, clock, delivery }: Witnesses): Vote {
  const all = [roundTrip, network, geofeed, clock, delivery]
  const elsewhere = all.filter((it) => it === 'elsewhere').length
  const here = all.filter((it) => it === 'here' || it === 'same' || it === 'cannot').length
  const isCertain = roundTrip === 'cannot' || network === 'same'
  const isByOperator = geofeed === 'here' && elsewhere === 0
  const isOutvoted = here >= 2 && here > elsewhere + 1
  return { verdict: isCertain || isByOperator || isOutvoted ? 'disagree' : 'elsewhere', elsewhere, here }
}
