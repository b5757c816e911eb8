/**
 * Less than a slow reader takes, and than most pauses between writes. So leases end while somebody
 * holds them, and after an update the cache opens before the next: with leases as long as the
 * product's, users who are written all the time would never be cached.
 */
export const SHORT_LEASE_MS = 8;
