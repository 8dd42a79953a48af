/** Every which seed of the shop runs with replicas: the others attack each service alone, and find more there. */
export const REPLICAS_EVERY = 5;
