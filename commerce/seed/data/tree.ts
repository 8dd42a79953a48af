/** The category tree and the attributes of the seed. */
import type { Attribute } from "../../catalog/contract.ts";

/** A category of the seed; parents come before what is in them. */
export interface SeedCategory {
  readonly slug: string;
  readonly name: string;
  readonly description: string;
  readonly parent?: string;
}

export const categories: readonly SeedCategory[] = [
  { slug: "shelter", name: "Shelter", description: "Something between you and the weather." },
  {
    slug: "tents",
    name: "Tents",
    description: "From one person and a notebook to a family and a dog.",
    parent: "shelter",
  },
  { slug: "tarps-hammocks", name: "Tarps and hammocks", description: "Two trees are enough.", parent: "shelter" },
  { slug: "sleep", name: "Sleep", description: "The third of the trip that decides about the rest." },
  {
    slug: "sleeping-bags",
    name: "Sleeping bags",
    description: "Rated honestly, by how cold one still sleeps well.",
    parent: "sleep",
  },
  { slug: "mats", name: "Mats and pillows", description: "The ground is further away than it looks.", parent: "sleep" },
  { slug: "packs", name: "Packs and bags", description: "For a lunch, a week, or a move." },
  { slug: "clothing", name: "Clothing", description: "Layers that get along with one another." },
  { slug: "jackets", name: "Jackets", description: "Against rain, wind and November.", parent: "clothing" },
  {
    slug: "base-layers",
    name: "Base layers",
    description: "What touches the skin, day after day.",
    parent: "clothing",
  },
  { slug: "footwear", name: "Footwear", description: "Boots, shoes, and the socks that decide." },
  { slug: "camp-kitchen", name: "Camp kitchen", description: "Fire, pots, and something hot to hold." },
  { slug: "light-tools", name: "Light and tools", description: "For what begins after dark or comes undone." },
  { slug: "home", name: "Home", description: "For the days between trips." },
  {
    slug: "home-textiles",
    name: "Blankets and textiles",
    description: "Wool, linen, and nothing that shouts.",
    parent: "home",
  },
  { slug: "garden", name: "Garden", description: "The nearest outdoors there is.", parent: "home" },
];

export const attributes: readonly Attribute[] = [
  {
    code: "material",
    name: "Material",
    type: "choice",
    choices: [
      "beech",
      "brass",
      "canvas",
      "cast iron",
      "cotton",
      "down",
      "enamel",
      "fleece",
      "leather",
      "linen",
      "merino wool",
      "nylon",
      "polyester",
      "rubber",
      "stainless steel",
      "stoneware",
      "titanium",
      "wool",
    ],
    facet: true,
  },
  { code: "season", name: "Season", type: "choice", choices: ["summer", "three seasons", "winter"], facet: true },
  { code: "fit", name: "Fit", type: "choice", choices: ["women", "men", "everyone", "children"], facet: true },
  { code: "persons", name: "Persons", type: "number", facet: true },
  { code: "volume", name: "Volume", type: "number", unit: "l", facet: false },
  { code: "comfort", name: "Comfort temperature", type: "number", unit: "°C", facet: false },
  { code: "lumens", name: "Brightness", type: "number", unit: "lm", facet: false },
  { code: "waterproof", name: "Waterproof", type: "boolean", facet: true },
  { code: "care", name: "Care", type: "text", facet: false },
];
