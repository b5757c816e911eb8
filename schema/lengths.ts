/** The lengths of users' texts, in code points after NFC normalisation. */
export const USERNAME_LENGTH = { min: 4, max: 13 };
export const PASSWORD_LENGTH = { min: 4, max: 13 };
export const NICKNAME_LENGTH = { min: 1, max: 8 };
