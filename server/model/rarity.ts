/** The part of an evaluation under which the last rarity record is stored. */
export const COLLEAGUES_PART = 'colleagues.record'
