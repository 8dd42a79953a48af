/** seed: a shop of our own making, to begin with. */
export { type SeedCatalogue, seedCatalogue } from "./catalogue.ts";
export { seedCoupons, seedPromotions, seedTaxRates } from "./offers.ts";
export { type SeedCall, type Seeded, seedOffers, seedShop } from "./seed.ts";
export { type DemoUser, demoUsers, seedUsers } from "./users.ts";
