/**
 * Common passwords. The list is our own and short: words that head every published list, with the digits and signs
 * that people add to them taken off before the comparison, so that a few hundred words stand for many thousands.
 * A deployment that wants more checks a larger list in its auth service.
 */

const WORDS = new Set(
  `
  password passwort motdepasse contrasena senha parola wachtwoord letmein welcome welcomeback
  changeme changeit secret secrets administrator sysadmin superuser rootroot useruser guestguest
  testtest tester testing temporary default iloveyou ilovehim ilovegod loveyou lovelove sunshine
  princess princesa butterfly chocolate football baseball basketball softball volleyball
  superman batman spiderman starwars pokemon minecraft fortnite roblox playstation nintendo
  computer internet samsung iphone android windows microsoft google facebook instagram snapchat
  twitter youtube linkedin dragon monkey tigger tiger lionking shadow master hunter killer
  soccer hockey jordan michael jennifer jessica michelle charlie thomas daniel andrew joshua
  matthew robert nicole ashley amanda samantha anthony william elizabeth alexander victoria
  brandon patrick christian isabella benjamin summer winter spring autumn january february
  september october november december monday friday saturday sunday liverpool arsenal chelsea
  barcelona realmadrid manchester juventus america brasil mexico london berlin pariss newyork
  california australia freedom forever whatever trustnoone nothing something goodluck blessed
  jesuschrist blessing heaven angel angels babygirl sweetheart sweety honey cookie cheese pepper
  ginger banana orange pumpkin cupcake snoopy garfield mickey scooby flower purple yellow silver
  golden diamond mustang ferrari porsche corvette harley yamaha mercedes toyota starlight
  moonlight rainbow unicorn kittycat puppylove qwerty qwertz azerty asdfgh zxcvbn qazwsx
  wasdwasd abcdef abcdefgh abcabc aabbcc qweasd asdasd qweqwe zxczxc isomer shopping customer
  `
    .trim()
    .split(/\s+/),
);

const PATTERNS = new Set(
  `
  qwertyuiop qwertyui asdfghjkl asdfghjk zxcvbnm zxcvbnmm qwertzuiop azertyuiop 1qaz2wsx
  1q2w3e4r 1q2w3e4r5t q1w2e3r4 zaq12wsx 1qazxsw2 qwer1234 asdf1234 abcd1234 a1b2c3d4 qazwsxedc
  12qwaszx passw0rd p4ssw0rd p4ssword trustno1 adminadmin abc12345
  `
    .trim()
    .split(/\s+/),
);

/** Whether a password is among those that are tried first. Upper case, and digits and signs at the ends, do not help. */
export function isCommonPassword(password: string): boolean {
  const lower = password.toLowerCase();
  if (PATTERNS.has(lower) || isRepetition(lower) || isRun(lower)) return true;
  const word = undisguise(lower.replace(/^[^\p{L}]+|[^\p{L}]+$/gu, ""));
  if (word === "") return lower.length <= ONLY_DIGITS_MAX;
  return WORDS.has(word) || WORDS.has(undisguise(lower));
}

/** Up to this length, a password of digits and signs only is a date or a telephone number. */
const ONLY_DIGITS_MAX = 10;

const DISGUISES: Readonly<Record<string, string>> = {
  "0": "o",
  "1": "i",
  "3": "e",
  "4": "a",
  "5": "s",
  "@": "a",
  $: "s",
};

function undisguise(text: string): string {
  return text.replace(/[01345@$]/g, (sign) => DISGUISES[sign] ?? sign);
}

/** `aaaaaaaa`, `abcabcabc`, `12121212`: the same few characters again and again. */
function isRepetition(text: string): boolean {
  return /^(.{1,4})\1+$/u.test(text);
}

/** `12345678`, `87654321`, `abcdefgh`: each character next to the one before. */
function isRun(text: string): boolean {
  const step = text.charCodeAt(1) - text.charCodeAt(0);
  if (Math.abs(step) !== 1) return false;
  for (let index = 1; index < text.length; index += 1) {
    const expected = text.charCodeAt(index - 1) + step;
    const wraps = text[index - 1] === "9" && text[index] === "0";
    if (text.charCodeAt(index) !== expected && !wraps) return false;
  }
  return true;
}
