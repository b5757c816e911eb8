/** The letters and digits without 0, o, 1 and l. There are 32, so each is 5 random bits. */
const CHARACTERS = "abcdefghijkmnpqrstuvwxyz23456789";

/** A password that is easy to read out and to type. 13 characters are 65 random bits. */
export function randomPassword(length: number): string {
  const random = crypto.getRandomValues(new Uint8Array(length));
  return Array.from(random, (byte) => CHARACTERS.charAt(byte % CHARACTERS.length)).join("");
}
