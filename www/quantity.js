// Sizes, rates and times, as the command line writes them: decimal units, "1.2 kB", "112 MB".

import { language, t } from "./strings.js";

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const percents = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 });

/** A number with the separators of the language. */
export const number = (n) => whole.format(n);

/** A share of 0 to 1; only what is complete is 100 %. */
export const percent = (share) => percents.format(Math.floor(share * 100) / 100);

/** A number of bytes with its unit. */
export function bytes(count) {
  let value = Number(count);
  let unit = 0;
  // From 999.5 of a unit on, the next one is used: never "1000 kB".
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const format = unit > 0 && value < 9.95 ? tenths : whole;
  return `${format.format(value)}\u00a0${UNITS[unit]}`;
}

/** A time span in seconds. */
export function duration(seconds) {
  const s = Math.max(1, Math.round(seconds));
  if (s < 60) return t("seconds", { n: number(s) });
  if (s < 3600) return t("minutes", { m: number(Math.floor(s / 60)), s: number(s % 60) });
  return t("hours", { h: number(Math.floor(s / 3600)), m: number(Math.floor((s % 3600) / 60)) });
}
