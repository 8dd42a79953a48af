/** The names that things have in NATS. Names of services are lower case letters, digits and dashes. */

/** Where a service's runs are published. */
export const eventsSubject = (service: string): string => `isomer.events.${service}`;
/** Where the server repeats what it has stored of them. No user may publish there. */
export const storedSubject = (service: string): string => `isomer.stored.${service}`;
/** Where replicas of a service wake one another, by topic: `orders.log`. */
export const hintSubject = (topic: string): string => `isomer.hint.${topic}`;
/** The stream that keeps a service's events. */
export const streamOf = (service: string): string => `ISOMER_${service}`;
/** Where answers to a user come. */
export const inboxOf = (user: string): string => `_INBOX_${user}`;
/** The name of the operator's user: no service can have it. */
export const OPERATOR = "_operator";
/** How users ask JetStream in another account. Their own has none, and `$JS.API` there says just that. */
export const API = "isomer.api";
