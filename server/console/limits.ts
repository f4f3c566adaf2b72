/** As `model/user.ts` has it; repeated because the page must not carry the schemas' library. */
export const PASSWORD_MIN = 12
