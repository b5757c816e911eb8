/** The faults of a site by name. A fault is over when its promise resolves. */
export type Faults = Readonly<Record<string, () => Promise<void>>>;
