/** As the API has it (`NewPassword`); said here again because the page must not carry the schemas' library. */
export const PASSWORD_MIN = 12
