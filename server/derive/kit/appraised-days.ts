/**
 * How far back what is declared later is applied: a household that is declared on day 20, a move that is entered two
 * weeks late.
 */
export const APPRAISED_DAYS = 35
