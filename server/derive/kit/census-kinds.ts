/** The kinds of things that a fleet may have in common. */
export const CENSUS_KINDS = ['tool', 'exit', 'hardware', 'display', 'usb', 'management', 'repository'] as const
export type CensusKind = (typeof CENSUS_KINDS)[number]
