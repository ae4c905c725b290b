// Builds static/dist/ from css/, js/ and icons.json. `npm run build`; `--watch` builds again on every change.
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "dist");
const icons = join(here, "node_modules/@tabler/icons/icons");

const options = {
  absWorkingDir: here,
  entryPoints: ["css/app.css", "js/app.js", "js/charts.js", "js/editor.js"],
  entryNames: "[name]",
  outdir: "dist",
  bundle: true,
  minify: true,
  format: "iife",
  target: ["chrome123", "firefox128", "safari17.5"],
  legalComments: "none",
  logLevel: "warning",
};

async function symbol([name, tabler]) {
  const filled = tabler.endsWith("-filled");
  const file = filled ? `filled/${tabler.slice(0, -"-filled".length)}.svg` : `outline/${tabler}.svg`;
  const svg = await readFile(join(icons, file), "utf8");
  const shapes = svg.slice(svg.indexOf(">") + 1, svg.lastIndexOf("</svg>"));
  const drawn = shapes.replace(/<path stroke="none" d="M0 0h24v24H0z"[^>]*>/, "").replace(/\s+/g, " ").trim();
  const paint = filled
    ? 'fill="currentColor"'
    : 'fill="none" stroke="currentColor" stroke-linecap="round" stroke-linejoin="round"';
  return `<symbol id="${name}" viewBox="0 0 24 24" ${paint}>${drawn}</symbol>`;
}

async function sprite() {
  const names = JSON.parse(await readFile(join(here, "icons.json"), "utf8"));
  const symbols = await Promise.all(Object.entries(names).map(symbol));
  await writeFile(join(out, "icons.svg"), `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("\n")}</svg>\n`);
}

async function copyImages() {
  const folder = join(here, "img");
  const names = await readdir(folder);
  await Promise.all(names.map(async (name) => writeFile(join(out, name), await readFile(join(folder, name)))));
}

if (process.argv.includes("--watch")) {
  await mkdir(out, { recursive: true });
  await Promise.all([sprite(), copyImages()]);
  const context = await esbuild.context({ ...options, logLevel: "info" });
  await context.watch();
} else {
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  await Promise.all([esbuild.build(options), sprite(), copyImages()]);
}
