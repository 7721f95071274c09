// Bundles the explorables: reads {root, sources, entries} as JSON, writes the files, what each needs, and the faults.
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { json } from "node:stream/consumers";
import { build } from "esbuild";

const { root, sources, entries } = await json(process.stdin);
const fault = ({ text, location }) => ({ text, file: location?.file ?? sources, line: location?.line ?? 1 });

let answer;
try {
  const { outputFiles, metafile, warnings } = await build({
    absWorkingDir: root,
    entryPoints: entries,
    nodePaths: [fileURLToPath(new URL("node_modules", import.meta.url))],
    outdir: "explore",
    outbase: sources,
    entryNames: "[name]-[hash]",
    chunkNames: "shared-[hash]",
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    target: "es2022",
    charset: "utf8",
    metafile: true,
    write: false,
    logLevel: "silent",
  });
  answer = {
    faults: warnings.map(fault),
    files: Object.fromEntries(outputFiles.map(({ path, text }) => [relative(root, path), text])),
    made: metafile.outputs,
  };
} catch (error) {
  answer = { faults: error.errors?.map(fault) ?? [fault({ text: String(error.message) })] };
}
process.stdout.write(JSON.stringify(answer));
