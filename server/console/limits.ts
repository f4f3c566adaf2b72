/** The same as in `model/user.ts`; repeated because the page must not load the schema library. */
export const PASSWORD_MIN = 12
/** The least sum of each band, as `LEAST` in `assess/score.ts`; repeated for the same reason. */
export const BAND_FROM = { medium: 0, high: 10, critical: 20 } as const
