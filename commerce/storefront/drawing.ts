/** Pictures for products that have none yet: hills in the colours of the name, and its initials. */

const WIDTH = 800;
const HEIGHT = 600;

/** An SVG of a name of lower case words with hyphens between them. Equal names look alike. */
export function drawing(name: string): string {
  const seed = hashOf(name);
  const hue = seed % 360;
  const sky = `hsl(${hue} 45% 88%)`;
  const hills = [0, 1, 2].map((row) => {
    const colour = `hsl(${(hue + 18 * row) % 360} 32% ${66 - 14 * row}%)`;
    return `<path d="${hill(seed >>> (row * 5), 300 + 80 * row)}" fill="${colour}"/>`;
  });
  const initials = name
    .split("-")
    .slice(0, 2)
    .map((word) => word.charAt(0).toUpperCase())
    .join("");
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${name}">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="${sky}"/>`,
    `<circle cx="${120 + (seed % 560)}" cy="150" r="58" fill="hsl(${(hue + 40) % 360} 80% 96%)"/>`,
    ...hills,
    `<text x="400" y="520" text-anchor="middle" font-family="Georgia, serif" font-size="96" fill="#fff">${initials}</text>`,
    "</svg>",
  ].join("");
}

function hill(seed: number, top: number): string {
  const [a, b, c] = [0, 7, 14].map((shift) => top + ((seed >>> shift) % 120) - 60);
  return `M0 ${a} Q200 ${b} 400 ${c} T800 ${a} V${HEIGHT} H0 Z`;
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0;
  }
  return hash;
}
