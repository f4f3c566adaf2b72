/** The same as in `model/user.ts`; repeated because the page must not load the schema library. */
export const PASSWORD_MIN = 12
