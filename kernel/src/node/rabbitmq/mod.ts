/** node/rabbitmq: events over RabbitMQ. */
export { RabbitBroker, type RabbitBrokerOptions, rabbitBroker } from "./broker.ts";
export { RabbitLink, type RabbitLinkOptions, openRabbit } from "./link.ts";
export type { QueueOptions } from "./run-store.ts";
