/**
 * Builds the page: `app.js`, `app.css`, `index.html` and the licences of what is bundled.
 *
 * `node build.mjs` builds once, and fails if the page is larger than it may be.
 * `node build.mjs --watch` builds again after each change.
 */
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import esbuild from "esbuild";

const MOST_KIB = 250;

const page = dirname(fileURLToPath(import.meta.url));
const target = join(page, "..", "static");
const watch = process.argv.includes("--watch");

/** @type {esbuild.BuildOptions} */
const options = {
  entryPoints: { app: join(page, "src", "main.tsx") },
  outdir: target,
  absWorkingDir: page,
  bundle: true,
  format: "esm",
  target: "es2023",
  jsx: "automatic",
  jsxImportSource: "preact",
  minify: !watch,
  sourcemap: watch ? "inline" : false,
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
};

/** The licence of each package that is bundled, since they ask to be passed on with the code. */
async function licences(inputs) {
  const packages = new Set(
    Object.keys(inputs).flatMap(
      (path) => /.*node_modules\/(?:@[^/]+\/)?[^/]+\//.exec(join(page, path)) ?? [],
    ),
  );
  const texts = [...packages].sort().map(async (directory) => {
    const { name, version } = JSON.parse(await readFile(join(directory, "package.json"), "utf8"));
    return `${name} ${version}\n\n${await readFile(join(directory, "LICENSE"), "utf8")}`;
  });
  return (await Promise.all(texts)).join(`\n${"-".repeat(80)}\n\n`);
}

await mkdir(target, { recursive: true });
await copyFile(join(page, "index.html"), join(target, "index.html"));
if (watch) {
  const context = await esbuild.context({ ...options, logLevel: "info" });
  await context.watch();
} else {
  const { metafile } = await esbuild.build(options);
  await writeFile(join(target, "app.js.LEGAL.txt"), await licences(metafile.inputs));
  const sizes = await Promise.all(
    ["app.js", "app.css"].map(async (name) => gzipSync(await readFile(join(target, name))).length),
  );
  const total = sizes.reduce((sum, size) => sum + size) / 1024;
  console.log(`console page: ${total.toFixed(1)} KiB gzipped, of at most ${MOST_KIB}`);
  process.exitCode = total > MOST_KIB ? 1 : 0;
}
